import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { VERSION } from "../../../lib/base/version.ts";
import { getAgentInfo } from "../../../handlers/agent/get_agent_info.ts";
import { METHODS } from "../../../handlers/mod.ts";
import { terminalProblem } from "../../../lib/platform/linux/processes/terminal.ts";
import { OPERATIONS } from "../../../lib/privileged/operations.ts";
import { linuxPackages } from "../../../lib/platform/linux/packages/mod.ts";
import { isInstalled } from "../../../lib/platform/linux/programs.ts";
import { linuxServices } from "../../../lib/platform/linux/services/mod.ts";
import { Served } from "../_served.ts";

const Result = z.strictObject({
  version: z.string(),
  protocol_version: z.string(),
  platform: z.string(),
  capabilities: z.array(z.string()),
  max_message_size_kb: z.int(),
  groups: z.array(z.string()),
});

/** The capabilities of an agent on this machine that neither controls power nor has a broker. */
function withoutRoot(): string[] {
  const all = METHODS.map(({ capability }) => capability).filter((one) => one !== undefined);
  const needsRoot = ["shutdown", "reboot", ...OPERATIONS.map(({ name }) => name)]
    // It asks the broker for processes of other users only.
    .filter((name) => name !== "process_signal");
  const absent = terminalProblem() === undefined ? needsRoot : [...needsRoot, "terminal"];
  const lacking = [
    ...linuxServices() === undefined ? ["services", "service_status"] : [],
    ...linuxPackages(false) === undefined ? ["package_list", "package_updates"] : [],
    ...isInstalled("cloud-init") ? [] : ["cloud_init_status"],
  ];
  return all.filter((one) => ![...absent, ...lacking].includes(one)).sort();
}

Deno.test("get_agent_info returns versions, platform and capabilities", async () => {
  await using served = await Served.start(getAgentInfo);
  assertEquals(await served.call(undefined, Result), {
    version: VERSION,
    protocol_version: "1.0.0",
    platform: "linux",
    capabilities: withoutRoot(),
    max_message_size_kb: 64,
    groups: ["see", "file-read", "file-write", "exec", "power", "freeze", "time"],
  });
});

const READING = ["file_hash", "file_list", "file_read", "file_stat"] as const;
const WRITING = [
  "directory_create",
  "directory_remove",
  "file_commit",
  "file_remove",
  "file_rename",
  "file_write",
] as const;
const EXECUTING = ["exec_command", "jobs", "terminal"] as const;

for (
  const [security, missing] of [
    [{ allowed_write_paths: [] }, WRITING],
    [{ allowed_read_paths: [] }, READING],
    [{ command_whitelist: [] }, EXECUTING],
    [{ allow: ["see", "file-read", "file-write"] }, [...EXECUTING, "process_signal"]],
    [
      { allowed_read_paths: [], allowed_write_paths: [], command_whitelist: [] },
      [...EXECUTING, ...READING, ...WRITING],
    ],
  ] as const
) {
  Deno.test(`get_agent_info leaves out ${missing.join(", ")} with ${JSON.stringify(security)}`, async () => {
    await using served = await Served.start(getAgentInfo, { config: () => ({ security }) });
    const { capabilities } = await served.call(undefined, Result);
    const expected = withoutRoot().filter((one) => !missing.some((name) => name === one));
    assertEquals(capabilities, expected);
    assert(missing.every((one) => !capabilities.includes(one)));
  });
}
