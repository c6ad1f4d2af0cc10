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

  /** Starts agents; resolves when all are listening. */
  static async start(count: number): Promise<Fleet> {
    const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "kvmmanager-fleet-" }));
    const each = Math.ceil(count / PROCESSES);
    const children = Array.from({ length: PROCESSES }, (_, index) => {
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

  /** Makes some agents hang, and others hang up after each answer. */
  async behave(behaviour: { readonly hanging: number; readonly flapping: number }): Promise<void> {
    const share = {
      hanging: Math.floor(behaviour.hanging / PROCESSES),
      flapping: Math.floor(behaviour.flapping / PROCESSES),
    };
    const line = new TextEncoder().encode(`${JSON.stringify(share)}\n`);
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
