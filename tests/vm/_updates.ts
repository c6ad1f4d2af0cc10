/**
 * Updates of a guest's agent by `kvmmanager-ctl agent update`.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { DEFAULT_GROUPS } from "../../lib/policy/groups.ts";
import type { Guest } from "../../scripts/vm/guest.ts";
import { ctlWords } from "../host/ctl/_ctl.ts";
import { LaterVersions } from "./_later_versions.ts";
import { configure } from "./_service.ts";

/** The version that updates lead to. */
export const LATER = "99.1.0";
const BROKEN = "99.2.0";

/** Instead of the Deno runtime: a file that makes a small package. */
const BROKEN_RUNTIME = "#!/bin/sh\nexit 1\n";

/** Packages of a later version, and of one whose agent ends at once. */
export async function buildLater() {
  const versions = await LaterVersions.make();
  try {
    const deb = await versions.build({ format: "deb", version: LATER });
    const rpm = await versions.build({ format: "rpm", version: LATER });
    const runtime = `${versions.directory}/runtime`;
    await Deno.writeTextFile(runtime, BROKEN_RUNTIME);
    const broken = await versions.build({ format: "deb", version: BROKEN, runtime });
    await versions.sign();
    return { versions, deb, rpm, broken };
  } catch (error) {
    await versions[Symbol.asyncDispose]();
    throw error;
  }
}

/** Lets the host update the agent. */
export const allowUpdates = (guest: Guest, update_key: string) =>
  configure(guest, {
    security: { allow: [...DEFAULT_GROUPS, "packages"], update_key, max_file_size_mb: 64 },
  });

/** Runs kvmmanager-ctl agent update to its end, which it finds by itself. */
export async function update(guest: Guest, file: string) {
  const [program = "", ...args] = ctlWords([
    ...["agent", "update", "--socket", guest.socket, "--package", file],
  ]);
  const { code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" })
    .output();
  const decoder = new TextDecoder();
  return { code, printed: decoder.decode(stdout), said: decoder.decode(stderr) };
}

/** Asserts that an agent of this version answers. */
export async function assertVersion(guest: Guest, expected: string): Promise<void> {
  const client = await guest.client();
  await using _client = client;
  assertEquals((await client.call("get_agent_info")).version, expected);
}
