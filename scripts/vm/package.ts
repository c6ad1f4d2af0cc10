/**
 * The packages that are installed in a guest: built by `deno task package:deb` and cached by the hash
 * of all the files that go into them.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import { cached, hashOf } from "./cache.ts";
import { requireTools, runTool } from "./tools.ts";

const AGENT_FILE = "kvmmanager-agent.deb";
const QGA_FILE = "kvmmanager-agent-qga.deb";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

/** Everything that may affect the packages' content. */
const SOURCES = [
  "commands",
  "handlers",
  "install",
  "lib",
  "scripts",
  "CHANGELOG.md",
  "LICENSE",
  "deno.json",
  "deno.lock",
  "main.ts",
  "main_broker.ts",
] as const;

/** What does not affect it: the code that installs and tests it. */
const FOREIGN_REGEXP = /^scripts\/(bench|demo|vm)\b/;

/** The paths of packages of the current sources. */
export interface Packages {
  readonly agent: string;
  /** The one that takes the place of qemu-ga. */
  readonly qga: string;
}

/**
 * Builds the packages, or takes them from the cache.
 *
 * @throws {MissingToolsError | ToolFailedError} when they cannot be built.
 */
export async function currentPackages(onProgress: (message: string) => void): Promise<Packages> {
  await requireTools(["dpkg-deb"]);
  const directory = await cached("packages", await hashSources(), async (path) => {
    onProgress("building the packages (about 10 s, then cached)");
    await Deno.mkdir(path);
    await runTool(Deno.execPath(), [
      ...["task", "--quiet", "package:deb", "--arch", "amd64", "--output", `${path}/${AGENT_FILE}`],
      // Under emulation, unpacking a well compressed one takes a minute.
      "--quick",
    ], { cwd: ROOT });
    await runTool(Deno.execPath(), [
      ...["run", "-A", "scripts/package.ts", "deb", "--product", "kvmmanager-agent-qga"],
      ...["--output", `${path}/${QGA_FILE}`, "--quick"],
    ], { cwd: ROOT });
  });
  return { agent: `${directory}/${AGENT_FILE}`, qga: `${directory}/${QGA_FILE}` };
}

/** The path of the agent's package; see {@link currentPackages}. */
export const currentPackage = async (onProgress: (message: string) => void): Promise<string> =>
  (await currentPackages(onProgress)).agent;

/**
 * The path of the package for hosts of the current sources.
 *
 * @throws {MissingToolsError | ToolFailedError} when it cannot be built.
 */
export async function currentHostPackage(onProgress: (message: string) => void): Promise<string> {
  await requireTools(["dpkg-deb"]);
  return await cached("host-package", await hashSources([...SOURCES, "host"]), async (path) => {
    onProgress("building the package for hosts (about 10 s, then cached)");
    await runTool(Deno.execPath(), [
      ...["task", "--quiet", "package:host", "--arch", "amd64", "--output", path, "--quick"],
    ], { cwd: ROOT });
  });
}

/**
 * The path of an rpm of the current sources.
 *
 * @throws {MissingToolsError | ToolFailedError} when it cannot be built.
 */
export async function currentRpm(onProgress: (message: string) => void): Promise<string> {
  await requireTools(["rpmbuild", "checkmodule", "semodule_package"]);
  return await cached("rpm", await hashSources(), async (path) => {
    onProgress("building the rpm (about 10 s, then cached)");
    await runTool(Deno.execPath(), [
      ...["task", "--quiet", "package:rpm", "--arch", "amd64", "--output", path, "--quick"],
    ], { cwd: ROOT });
  });
}

/**
 * The path of a tarball of the current sources, with SHA256SUMS beside it.
 *
 * @throws {MissingToolsError | ToolFailedError} when it cannot be built.
 */
export async function currentTarball(onProgress: (message: string) => void): Promise<string> {
  const name = "kvmmanager-agent.tar.gz";
  const directory = await cached("tarball", await hashSources(), async (path) => {
    onProgress("building the tarball (about 10 s, then cached)");
    await Deno.mkdir(path);
    await runTool(Deno.execPath(), [
      ...["task", "--quiet", "package:tar", "--arch", "amd64", "--output", `${path}/${name}`],
      "--quick",
    ], { cwd: ROOT });
    const sums = await runTool("sha256sum", [name], { cwd: path });
    await Deno.writeTextFile(`${path}/SHA256SUMS`, sums);
  });
  return `${directory}/${name}`;
}

async function hashSources(sources: readonly string[] = SOURCES): Promise<string> {
  const parts: (string | Uint8Array)[] = [Deno.version.deno];
  for (const source of sources) {
    for (const file of (await filesUnder(source)).sort()) {
      parts.push(file, await Deno.readFile(`${ROOT}${file}`));
    }
  }
  return await hashOf(...parts);
}

/** The files below a path of the repository, or the path itself. */
async function filesUnder(path: string): Promise<string[]> {
  if (FOREIGN_REGEXP.test(path)) return [];
  try {
    if (!(await Deno.stat(`${ROOT}${path}`)).isDirectory) return [path];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  const files: string[] = [];
  for await (const { name } of Deno.readDir(`${ROOT}${path}`)) {
    files.push(...await filesUnder(`${path}/${name}`));
  }
  return files;
}
