/**
 * The SELinux module in the rpm. No guest with SELinux is booted for it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { printError } from "../../lib/base/terminal.ts";
import { takeApart } from "../../scripts/package/emulated.ts";
import { LIBRARY } from "../../scripts/package/program.ts";
import { MODULES } from "../../scripts/package/selinux.ts";
import { currentRpm } from "../../scripts/vm/package.ts";
import { requireTools, runTool } from "../../scripts/vm/tools.ts";
import { TempDirectory } from "../lib/_helpers.ts";

const LABEL = "system_u:object_r:bin_t:s0";
/** MOD_POLICYDB_VERSION_MAX of libsepol 2.9, in RHEL 8. */
const NEWEST_FORMAT = 19;
const MODULE = 2;
const HEADING = "SE Linux Module";

/** The kind and the format's version in the header of compiled rules (policydb_read() in libsepol). */
function readHeader(bytes: Uint8Array): { heading: string; kind: number; version: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const length = view.getUint32(4, true);
  const heading = new TextDecoder().decode(bytes.subarray(8, 8 + length));
  const at = 8 + length;
  return { heading, kind: view.getUint32(at, true), version: view.getUint32(at + 4, true) };
}

Deno.test("the rpm's SELinux module labels every program of /usr/lib/kvmmanager-agent", async () => {
  await requireTools(["rpm2cpio", "cpio", "semodule_unpackage"]);
  await using directory = await TempDirectory.make();
  const tree = await directory.directory("tree");
  await takeApart("rpm", await currentRpm(printError), tree);
  const [rules, labels] = [directory.at("rules"), directory.at("labels")];
  const file = `${tree}${MODULES}/kvmmanager_agent.pp`;
  await runTool("semodule_unpackage", [file, rules, labels]);
  assertEquals(readHeader(await Deno.readFile(rules)), {
    heading: HEADING,
    kind: MODULE,
    version: NEWEST_FORMAT,
  });
  const patterns = (await Deno.readTextFile(labels)).trim().split("\n").map((line) => {
    const [path = "", kind, label] = line.split("\t");
    assertEquals([kind, label], ["--", LABEL]);
    return new RegExp(`^${path}$`);
  });
  let programs = 0;
  for await (const { name } of Deno.readDir(`${tree}${LIBRARY}`)) {
    const path = `${LIBRARY}/${name}`;
    const isProgram = ((await Deno.stat(`${tree}${path}`)).mode ?? 0) % 2 === 1;
    assertEquals(patterns.some((pattern) => pattern.test(path)), isProgram, path);
    if (isProgram) programs += 1;
  }
  assert(programs >= 5, `${programs}`);
});
