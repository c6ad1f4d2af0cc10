/**
 * `deno task release`: every package of the current commit in one folder, with SHA256SUMS, the list of
 * contents, the release notes and, with a key, a signature.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path/posix";
import { refuseUnknown, single, UsageError } from "../lib/base/command_line.ts";
import { printLine } from "../lib/base/terminal.ts";
import { VERSION } from "../lib/base/version.ts";
import { findLibrary } from "./package/program.ts";
import { sourceTime } from "./package/product.ts";
import { HOST } from "./package/host.ts";
import {
  bundledLibraries,
  cLibrary,
  contentsDocument,
  type Library,
  RUNTIME,
} from "./release/contents.ts";
import { releaseNotes } from "./release/notes.ts";
import { sign } from "./release/sign.ts";
import { requireTools, runTool } from "./vm/tools.ts";
import { runOrder } from "./run_order.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));
const FORMATS = ["deb", "rpm", "tar"] as const;

const VALUED = ["arm64-runtime", "windows-runtime", "key", "output"] as const;

const USAGE = `Usage: deno task release [--arm64-runtime FILE] [--windows-runtime FILE] [--key FILE]
                         [--output DIR] [--quick]

Builds the deb, the rpm and the tarball of the agent and the deb for hosts, and
writes SHA256SUMS, an SPDX list of what is inside, release notes from
CHANGELOG.md, and the tarball's install.sh.
The same commit gives the same bytes.

  --arm64-runtime FILE  also build for arm64, with this deno
                        (npm pack @deno/linux-arm64-glibc@${Deno.version.deno} has it)
  --windows-runtime FILE  also build the MSI and the zip for Windows, with this
                        deno.exe (npm pack @deno/win32-x64@${Deno.version.deno} has it)
  --key FILE            sign SHA256SUMS with this Ed25519 private key in PEM
                        (SHA256SUMS.sig)
  --output DIR          default: dist/release
  --quick               compress little
`;

interface Order {
  readonly arm64Runtime: string | undefined;
  readonly windowsRuntime: string | undefined;
  readonly key: string | undefined;
  readonly output: string;
  readonly quick: boolean;
}

function readOrder(args: readonly string[]): Order | "help" {
  const parsed = parseArgs(args, {
    boolean: ["help", "quick"],
    string: [...VALUED],
    collect: [...VALUED],
    alias: { h: "help" },
    unknown: refuseUnknown,
  });
  if (parsed.help) return "help";
  return {
    arm64Runtime: single(parsed["arm64-runtime"], "arm64-runtime"),
    windowsRuntime: single(parsed["windows-runtime"], "windows-runtime"),
    key: single(parsed.key, "key"),
    output: single(parsed.output, "output") ?? `${ROOT}dist/release`,
    quick: parsed.quick,
  };
}

async function release(
  { arm64Runtime, windowsRuntime, key, output, quick }: Order,
): Promise<void> {
  await requireTools(["dpkg-deb", "rpmbuild", "tar", "xz"]);
  if (windowsRuntime !== undefined) await requireTools(["wixl", "msibuild", "zip"]);
  const privateKey = key === undefined ? undefined : await Deno.readTextFile(key);
  // A key that cannot sign is refused before the minutes of building.
  if (privateKey !== undefined) await sign(privateKey, new Uint8Array(0));
  // Before the minutes of building.
  const notes = releaseNotes(await Deno.readTextFile(`${ROOT}CHANGELOG.md`), VERSION);
  const time = await sourceTime();
  await Deno.mkdir(output, { recursive: true });
  for await (const { name } of Deno.readDir(output)) {
    throw new UsageError(`${output} must be empty, and has ${name}`);
  }
  const arm64 = [
    "--arch",
    "arm64",
    ...arm64Runtime === undefined ? [] : ["--runtime", arm64Runtime],
  ];
  for (const format of FORMATS) {
    await build(["--arch", "amd64"], format);
    if (arm64Runtime !== undefined) await build(arm64, format);
  }
  const host = ["--product", HOST.name];
  await build(["--arch", "amd64", ...host], "deb");
  if (arm64Runtime !== undefined) await build([...arm64, ...host], "deb");
  if (windowsRuntime !== undefined) {
    for (const format of ["msi", "zip"]) {
      await runPackaging("package_windows.ts", [format, "--runtime", windowsRuntime]);
    }
  }
  const libraries = [
    ...await librariesOf([
      ...["main.ts", "main_broker.ts", "main_windows.ts"],
      ...["host/ctl/main.ts", "host/daemon/main.ts"],
    ]),
    ...RUNTIME,
    await cLibrary(await findLibrary("amd64", "libc.so.6")),
  ];
  const artefacts = await sumsOf(output);
  const texts = {
    "RELEASE_NOTES.md": notes,
    [`kvmmanager-agent-${VERSION}.spdx.json`]: contentsDocument(artefacts, libraries, time),
    "install.sh": await Deno.readTextFile(`${ROOT}install/tarball/install.sh`),
  };
  for (const [name, text] of Object.entries(texts)) {
    await Deno.writeTextFile(`${output}/${name}`, text);
  }
  const sums = (await sumsOf(output)).map(({ sha256, name }) => `${sha256}  ${name}\n`).join("");
  await Deno.writeTextFile(`${output}/SHA256SUMS`, sums);
  await runTool("sha256sum", ["--check", "--quiet", "--strict", "SHA256SUMS"], { cwd: output });
  if (privateKey !== undefined) {
    const signature = await sign(privateKey, new TextEncoder().encode(sums));
    await Deno.writeFile(`${output}/SHA256SUMS.sig`, signature);
  }
  printLine(`${output}: ${artefacts.length} packages of ${VERSION}${key ? ", signed" : ""}`);

  async function build(options: readonly string[], format: typeof FORMATS[number]) {
    await runPackaging("package.ts", [format, ...options]);
  }

  async function runPackaging(script: string, options: readonly string[]) {
    await runTool(Deno.execPath(), [
      ...["run", "-A", `${ROOT}scripts/${script}`, ...options, "--directory", output],
      ...quick ? ["--quick"] : [],
    ], { env: { SOURCE_DATE_EPOCH: String(time) } });
  }
}

/** The npm packages in the bundles of these programs. */
async function librariesOf(programs: readonly string[]): Promise<Library[]> {
  const libraries = new Map<string, Library>();
  for (const program of programs) {
    const info = await runTool(Deno.execPath(), ["info", "--json", program], { cwd: ROOT });
    for (const library of await bundledLibraries(info)) libraries.set(library.name, library);
  }
  return [...libraries.values()];
}

/** The files in a folder with their sums, by name. */
async function sumsOf(directory: string): Promise<{ name: string; sha256: string }[]> {
  const names = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort();
  const printed = await runTool("sha256sum", ["--", ...names], { cwd: directory });
  return printed.trim().split("\n").map((line) => {
    const [sha256 = "", name = ""] = line.split("  ");
    return { name, sha256 };
  });
}

if (import.meta.main) {
  Deno.exit(
    await runOrder({ name: "release", usage: USAGE, read: readOrder, perform: release }, Deno.args),
  );
}
