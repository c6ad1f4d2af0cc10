/**
 * A copy of the repository in which files can be broken and tested.
 *
 * @module
 */

/** Not part of the sources. Hidden entries are left out as well. */
const LEFT_OUT = ["dist", "node_modules"];

/** How a run of tests ended. */
export type Verdict = "passed" | "failed" | "overran";

/** The copy, removed when disposed of. */
export class Workshop implements AsyncDisposable {
  private constructor(readonly root: string) {}

  /** Copies a repository. */
  static async copyOf(repository: string): Promise<Workshop> {
    const root = await Deno.makeTempDir({ prefix: "mutate-" });
    const names = (await Array.fromAsync(Deno.readDir(repository), ({ name }) => name))
      .filter((name) => !name.startsWith(".") && !LEFT_OUT.includes(name));
    const { success } = await new Deno.Command("cp", {
      args: ["-r", ...names.map((name) => `${repository}/${name}`), root],
    }).output();
    const workshop = new Workshop(root);
    if (success) return workshop;
    await workshop[Symbol.asyncDispose]();
    throw new Error(`cannot copy ${repository} to ${root}`);
  }

  /** Replaces a file's text while `work` runs. */
  async withText<T>(file: string, text: string, work: () => Promise<T>): Promise<T> {
    const path = `${this.root}/${file}`;
    const original = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, text);
    try {
      return await work();
    } finally {
      await Deno.writeTextFile(path, original);
    }
  }

  /**
   * Runs tests up to the first failure, without a type check, since a type error would count as a
   * found fault.
   *
   * @throws The signal's reason once it is aborted.
   */
  async run(tests: readonly string[], limitMs: number, signal?: AbortSignal): Promise<Verdict> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["test", "--quiet", "-A", "--no-check", "--fail-fast", ...tests],
      cwd: this.root,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      // In a process group, so that everything a broken agent leaves running is killed with it.
      detached: true,
    }).spawn();
    let verdict: Verdict | undefined;
    const timer = setTimeout(() => {
      verdict = "overran";
      endGroup(child.pid);
    }, limitMs);
    const stop = () => endGroup(child.pid);
    signal?.addEventListener("abort", stop);
    const { success } = await child.status;
    signal?.removeEventListener("abort", stop);
    clearTimeout(timer);
    endGroup(child.pid);
    signal?.throwIfAborted();
    return verdict ?? (success ? "passed" : "failed");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}

function endGroup(leader: number): void {
  try {
    Deno.kill(-leader, "SIGKILL");
  } catch {
    // The group is empty.
  }
}
