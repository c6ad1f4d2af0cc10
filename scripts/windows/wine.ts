/**
 * Windows programs on Linux: Wine, and a Deno for Windows that runs in it.
 *
 * Wine 8 lacks two things that Deno wants. `bcryptprimitives.dll` has one function, which a few lines
 * of C replace. And V8 finds `VirtualAlloc2` but cannot use it: in our copy of deno.exe that name is
 * changed, so V8 takes the path that it has for systems without the call.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import { UsageError } from "../../lib/base/command_line.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));
/** Where the runtime is kept between runs. */
const RUNTIME = `${ROOT}dist/wine`;
const NPM_PACKAGE = `@deno/win32-x64@${Deno.version.deno}`;
const INSTALL = "apt-get install wine wine64 gcc-mingw-w64-x86-64";
/** Such as the first start of a prefix, on a busy machine. */
const START_LIMIT_MS = 180_000;

const PROCESS_PRNG = `
#include <windows.h>
#include <ntsecapi.h>
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) {
  for (SIZE_T done = 0; done < size;) {
    ULONG piece = size - done > 65536 ? 65536 : (ULONG)(size - done);
    if (!RtlGenRandom(data + done, piece)) return FALSE;
    done += piece;
  }
  return TRUE;
}
`;

/** A path of Linux as Wine's programs see it. */
export const toWindows = (path: string): string => `Z:${path.replaceAll("/", "\\")}`;

async function mustSucceed(program: string, args: readonly string[], cwd?: string): Promise<void> {
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(program, { args: [...args], cwd, stdin: "null" }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UsageError(`${program} is missing; on Debian: ${INSTALL}`);
  }
  if (output.success) return;
  throw new Error(`${program} failed: ${new TextDecoder().decode(output.stderr)}`);
}

const exists = (path: string) => Deno.stat(path).then(() => true, () => false);

/** Puts npm's deno.exe for Windows into a directory, unchanged. */
export async function downloadRuntime(directory: string): Promise<void> {
  await mustSucceed("npm", ["pack", "--silent", NPM_PACKAGE], directory);
  const archive = (await Array.fromAsync(Deno.readDir(directory)))
    .find(({ name }) => name.endsWith(".tgz"))?.name ?? "";
  const unpack = ["xzf", archive, "--strip-components=1", "package/deno.exe"];
  await mustSucceed("tar", unpack, directory);
  await Deno.remove(`${directory}/${archive}`);
}

/**
 * The path of deno.exe for Wine; made once, from npm's package of Deno for Windows.
 *
 * @throws {UsageError} that says what to install.
 */
export async function wineRuntime(): Promise<string> {
  const runtime = `${RUNTIME}/${Deno.version.deno}`;
  if (await exists(runtime)) return `${runtime}/deno.exe`;
  await Deno.mkdir(RUNTIME, { recursive: true });
  const work = await Deno.makeTempDir({ dir: RUNTIME, prefix: ".new-" });
  try {
    await Deno.writeTextFile(`${work}/prng.c`, PROCESS_PRNG);
    await mustSucceed(
      "x86_64-w64-mingw32-gcc",
      ["-shared", "-Os", "-s", "-o", "bcryptprimitives.dll", "prng.c", "-ladvapi32"],
      work,
    );
    await downloadRuntime(work);
    await Deno.writeFile(
      `${work}/deno.exe`,
      withoutVirtualAlloc2(await Deno.readFile(`${work}/deno.exe`)),
    );
    await Deno.remove(`${work}/prng.c`);
    await Deno.rename(work, runtime);
  } catch (error) {
    await Deno.remove(work, { recursive: true });
    throw error;
  }
  return `${runtime}/deno.exe`;
}

function withoutVirtualAlloc2(executable: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode("VirtualAlloc2\0");
  const first = name[0] ?? 0;
  let found = 0;
  for (let at = executable.indexOf(first); at >= 0; at = executable.indexOf(first, at + 1)) {
    if (!name.every((byte, index) => executable[at + index] === byte)) continue;
    executable[at + name.length - 2] = "X".charCodeAt(0);
    found += 1;
  }
  if (found !== 1) throw new Error(`deno.exe names VirtualAlloc2 ${found} times instead of once`);
  return executable;
}

/** A Windows installation of its own. */
export class Wine implements AsyncDisposable {
  readonly #runtime: string;
  /** The directory that Wine calls its prefix. */
  readonly prefix: string;
  /** Windows ends its services with the last other program. */
  #lastProgram: Deno.ChildProcess | undefined;

  private constructor(runtime: string, prefix: string) {
    this.#runtime = runtime;
    this.prefix = prefix;
  }

  /** @throws {UsageError} that says what to install. */
  static async start(): Promise<Wine> {
    const runtime = await wineRuntime();
    const prefix = await Deno.makeTempDir({ prefix: "kvm-wine-" });
    const wine = new Wine(runtime, prefix);
    try {
      const { code } = await wine.#command("wineboot", ["--init"]).output();
      if (code !== 0) throw new Error(`wineboot failed with status ${code}`);
      // Until the service manager of this first session has ended: there would be two.
      await wine.#command("wineserver", ["-w"]).output();
      wine.#lastProgram = await wine.#startWaiting();
      return wine;
    } catch (error) {
      await wine[Symbol.asyncDispose]();
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new UsageError(`wine is missing; on Debian: ${INSTALL}`);
    }
  }

  /** The directory that programs see as `C:\`. */
  get drive(): string {
    return `${this.prefix}/drive_c`;
  }

  /** The path of a deno.exe that programs can start. */
  get runtime(): string {
    return toWindows(this.#runtime);
  }

  #command(program: string, args: readonly string[], options: Deno.CommandOptions = {}) {
    return new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
      signal: AbortSignal.timeout(START_LIMIT_MS),
      ...options,
      env: {
        WINEPREFIX: this.prefix,
        WINEARCH: "win64",
        WINEDEBUG: "-all",
        // Neither questions nor downloads at the first start.
        WINEDLLOVERRIDES: "mscoree,mshtml=",
        DENO_DIR: toWindows(`${this.prefix}/deno`),
        DENO_NO_UPDATE_CHECK: "1",
        NO_COLOR: "1",
        ...options.env,
      },
    });
  }

  /** Runs a Windows program. */
  command(program: string, args: readonly string[], options: Deno.CommandOptions = {}) {
    return this.#command("wine", [program, ...args], options);
  }

  /** Runs Deno for Windows. */
  deno(args: readonly string[], options: Deno.CommandOptions = {}): Deno.Command {
    return this.command(this.#runtime, args, options);
  }

  /** Lets programs open a device of Linux as `\\.\NAME`, by a link that is returned. */
  async linkDevice(name: string, path: string): Promise<string> {
    const link = `${this.prefix}/dosdevices/${name.toLowerCase()}`;
    await Deno.symlink(path, link);
    return link;
  }

  /** Gives Deno for Windows the packages of another Deno, so that it downloads nothing. */
  async usePackages(denoDirectory: string): Promise<void> {
    await Deno.mkdir(`${this.prefix}/deno`, { recursive: true });
    await Deno.symlink(`${denoDirectory}/npm`, `${this.prefix}/deno/npm`);
  }

  /** Starts a program that waits for its end, and waits until it runs. */
  async #startWaiting(): Promise<Deno.ChildProcess> {
    const options = { stdin: "piped", stdout: "piped", signal: undefined } as const;
    const program = this.command("cmd", ["/c", "set /p x=waiting"], options).spawn();
    const reader = program.stdout.getReader();
    await reader.read();
    await reader.cancel();
    return program;
  }

  /** Ends everything that runs in it, and removes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#command("wineserver", ["-k"]).output().catch(() => {});
    await this.#command("wineserver", ["-w"]).output().catch(() => {});
    await this.#lastProgram?.stdin.close().catch(() => {});
    await this.#lastProgram?.status;
    await Deno.remove(this.prefix, { recursive: true });
  }
}
