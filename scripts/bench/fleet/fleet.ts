/**
 * Many agents, in separate processes.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";

const SERVE = fromFileUrl(new URL("./serve.ts", import.meta.url));
const CONFIG = fromFileUrl(new URL("../../../deno.json", import.meta.url));
/** Enough to keep both processors of a small machine busy. */
const PROCESSES = 2;

/** Agents `vm0`, `vm1` … in a temporary directory, in libvirt's layout. */
export class Fleet implements AsyncDisposable {
  private constructor(
    readonly directory: string,
    readonly children: readonly Deno.ChildProcess[],
    readonly writers: readonly WritableStreamDefaultWriter<Uint8Array>[],
  ) {}

  /** Starts agents, in so many processes; resolves when all are listening. */
  static async start(count: number, processes = PROCESSES): Promise<Fleet> {
    const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "kvmmanager-fleet-" }));
    const each = Math.ceil(count / processes);
    const children = Array.from({ length: processes }, (_, index) => {
      const first = index * each;
      const share = Math.max(0, Math.min(each, count - first));
      return new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          "--no-prompt",
          `--config=${CONFIG}`,
          SERVE,
          directory,
          String(first),
          String(share),
        ],
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
    });
    const fleet = new Fleet(directory, children, children.map(({ stdin }) => stdin.getWriter()));
    try {
      await Promise.all(children.map(untilReady));
      return fleet;
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Makes the first agents of each process hang, this many in all. */
  async hang(count: number): Promise<void> {
    const behaviour = { hanging: Math.floor(count / this.children.length) };
    const line = new TextEncoder().encode(`${JSON.stringify(behaviour)}\n`);
    await Promise.all(this.writers.map((writer) => writer.write(line)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.writers.map((writer) => writer.close().catch(() => {})));
    await Promise.all(this.children.map(({ status }) => status));
    await Deno.remove(this.directory, { recursive: true });
  }
}

async function untilReady(child: Deno.ChildProcess): Promise<void> {
  const reader = child.stdout.getReader();
  const { done } = await reader.read();
  await reader.cancel();
  if (done) throw new Error("the agents of the fleet did not start; see above");
}
