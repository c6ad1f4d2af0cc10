/**
 * The versions of qemu-ga that ours is compared with.
 *
 * @module
 */

import { assert } from "@std/assert";
import { findQemuGa } from "../../scripts/bench/qemu_ga.ts";
import { cached, hashOf } from "../../scripts/vm/cache.ts";
import { runTool } from "../../scripts/vm/tools.ts";
import { ROOT } from "../_deno.ts";

/** A version of qemu-ga. */
export interface Reference {
  readonly version: "7.2" | "10.0";
  /** Program and first arguments. */
  command(): Promise<readonly string[]>;
}

/** The one that Debian 12 installs. */
export const INSTALLED: Reference = {
  version: "7.2",
  async command() {
    const qemuGa = await findQemuGa();
    assert(qemuGa !== undefined, "needs qemu-ga; Debian: apt-get install qemu-guest-agent");
    return [qemuGa.program];
  },
};

/** The one of Debian 13, out of its packages. */
const UNPACKED: Reference = {
  version: "10.0",
  async command() {
    const script = `${ROOT}tests/qga/qemu_ga_10.sh`;
    const directory = await cached(
      "qemu-ga-10",
      await hashOf(await Deno.readFile(script)),
      async (path) => void await runTool("/bin/sh", [script, path]),
    );
    const libraries = `${directory}/usr/lib/x86_64-linux-gnu`;
    return [
      ...[`${libraries}/ld-linux-x86-64.so.2`, "--library-path", libraries],
      `${directory}/usr/sbin/qemu-ga`,
    ];
  },
};

/** All of them. */
export const REFERENCES: readonly Reference[] = [INSTALLED, UNPACKED];
