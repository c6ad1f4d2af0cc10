/**
 * Runs the attacker in `_swap.ts` beside a test.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { testScript } from "../../../../_deno.ts";

/** How the attacker swaps: see `_swap.ts`. */
export type Swap = "rename" | "link" | "symlink";

/** A running attacker; disposing of it ends it. */
export class Attacker implements AsyncDisposable {
  private constructor(readonly child: Deno.ChildProcess) {}

  /** Resolves after the first swap. */
  static async start(how: Swap, path: string, spare: string): Promise<Attacker> {
    const flags = ["--allow-read", "--allow-write"];
    const child = testScript("lib/platform/linux/files/_swap.ts", {
      flags,
      args: [how, path, spare],
    }).spawn();
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    assertEquals(new TextDecoder().decode(value), "swapping\n");
    return new Attacker(child);
  }

  /** Fails if the attacker has ended by itself: then there was no attack. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    const said = await new Response(this.child.stderr).text();
    const { signal } = await this.child.status;
    assertEquals([signal, said], ["SIGKILL", ""]);
  }
}
