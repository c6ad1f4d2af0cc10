/**
 * Later versions of the agent: packages that scripts/package.ts builds from a copy of the sources with
 * another version, beside SHA256SUMS and its signature by a key that exists only here.
 *
 * @module
 */

import { basename } from "@std/path/posix";
import { sign } from "../../scripts/release/sign.ts";
import { runTool } from "../../scripts/vm/tools.ts";
import { ROOT } from "../_deno.ts";

/** Everything that building needs. */
export const SOURCES = [
  ...["CHANGELOG.md", "deno.json", "deno.lock", "main.ts", "main_broker.ts"],
  ...["commands", "docs", "handlers", "host", "install", "lib", "scripts", "types"],
] as const;

/** States the version. */
const VERSION_FILE = "lib/base/version.ts";

/** A package to build. */
export interface WantedPackage {
  readonly format: "deb" | "rpm" | "tar";
  readonly version: string;
  /** Takes the place of the agent's bundle. */
  readonly bundle?: string;
  /** @default "amd64" */
  readonly architecture?: "amd64" | "arm64";
  /** Takes the place of the Deno runtime; by default the one that runs this. */
  readonly runtime?: string;
  /** Files of the sources with another text, by their paths. */
  readonly changed?: Readonly<Record<string, string>>;
}

/** A copy of the sources and what was built from it; disposing of it removes both. */
export class LaterVersions implements AsyncDisposable {
  /** The version of the bundles in the copy. */
  #bundled: string | undefined;

  private constructor(
    readonly directory: string,
    readonly privateKey: string,
    /** For `security.update_key`. */
    readonly updateKey: string,
  ) {}

  static async make(): Promise<LaterVersions> {
    const directory = await Deno.makeTempDir({ prefix: "kvmmanager-later-" });
    await Deno.mkdir(`${directory}/src/dist`, { recursive: true });
    await Deno.mkdir(`${directory}/built`);
    const copied = SOURCES.map((name) => `${ROOT}${name}`);
    await runTool("cp", ["-R", ...copied, `${directory}/src`]);
    const { privateKey, publicKey } = await newKey();
    return new LaterVersions(directory, privateKey, publicKey);
  }

  /** Builds a package; the path has the name that it has in a release. */
  async build(wanted: WantedPackage): Promise<string> {
    const { format, version, bundle, architecture = "amd64", runtime, changed = {} } = wanted;
    const src = `${this.directory}/src`;
    const stated = await Deno.readTextFile(`${src}/${VERSION_FILE}`);
    await Deno.writeTextFile(
      `${src}/${VERSION_FILE}`,
      stated.replace(/(\bVERSION: string = )"[^"]*"/, `$1"${version}"`),
    );
    for (const [path, text] of Object.entries(changed)) {
      await Deno.writeTextFile(`${src}/${path}`, text);
    }
    if (this.#bundled === undefined) await this.#bundle("main_broker.ts", "broker.js");
    if (bundle !== undefined) await Deno.writeTextFile(`${src}/dist/agent.js`, bundle);
    else if (this.#bundled !== version) await this.#bundle("main.ts", "agent.js");
    this.#bundled = bundle ?? version;
    const printed = await this.#deno(
      ...["run", "-A", "scripts/package.ts", format, "--quick", "--arch", architecture],
      ...["--directory", `${this.directory}/built`],
      ...runtime === undefined ? [] : ["--runtime", runtime],
    );
    for (const path of Object.keys(changed)) {
      await runTool("sh", [
        "-c",
        'rm "$2"; [ ! -e "$1" ] || cp "$1" "$2"',
        "sh",
        `${ROOT}${path}`,
        `${src}/${path}`,
      ]);
    }
    // FILE: SIZE MB
    return printed.slice(0, printed.lastIndexOf(":"));
  }

  /** Writes SHA256SUMS and SHA256SUMS.sig of all that was built. */
  async sign(): Promise<void> {
    const directory = `${this.directory}/built`;
    const names: string[] = [];
    for await (const { name } of Deno.readDir(directory)) {
      if (!name.startsWith("SHA256SUMS")) names.push(basename(name));
    }
    const sums = await runTool("sha256sum", names.sort(), { cwd: directory });
    await Deno.writeTextFile(`${directory}/SHA256SUMS`, sums);
    const signature = await sign(this.privateKey, new TextEncoder().encode(sums));
    await Deno.writeFile(`${directory}/SHA256SUMS.sig`, signature);
  }

  async #bundle(from: string, to: string): Promise<void> {
    await this.#deno("bundle", "--quiet", "--minify", "--output", `dist/${to}`, from);
  }

  #deno(...args: readonly string[]): Promise<string> {
    return runTool(Deno.execPath(), args, { cwd: `${this.directory}/src` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** A new pair of keys: the private one in PEM, and the DER of the public one in base64. */
async function newKey(): Promise<{ privateKey: string; publicKey: string }> {
  const keys = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  if (!("publicKey" in keys)) throw new TypeError("Ed25519 must have made two keys");
  const exported = async (format: "pkcs8" | "spki", key: CryptoKey) =>
    new Uint8Array(await crypto.subtle.exportKey(format, key)).toBase64();
  const body = await exported("pkcs8", keys.privateKey);
  return {
    privateKey: `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`,
    publicKey: await exported("spki", keys.publicKey),
  };
}
