import { assert, assertEquals } from "@std/assert";
import { checkAgent, checkDomain } from "../../host/doctor.ts";
import { ChannelLock } from "../../host/lock.ts";
import { TestAgent } from "../agent/_agent.ts";
import { NEVER, TempDirectory } from "../lib/_helpers.ts";
import { answerWell, errorLine, ScriptedAgent } from "./_scripted_agent.ts";
import { socketAt } from "./_sockets.ts";

const CHANNEL = (state: string) =>
  `<channel type='unix'><target type='virtio' name='org.kvmmanager.agent.0'${state}/></channel>`;

const channelAt = (path: string) => ({ name: path, path, isShortened: false });

const verdicts = (findings: readonly { about: string; verdict: string }[]) =>
  findings.map(({ about, verdict }) => `${about} ${verdict}`);

for (
  const [what, running, expected, text] of [
    ["runs, with an agent", `<domstatus state='running'>${CHANNEL(" state='connected'")}`, [
      "virtual machine right",
      "channel right",
    ], ""],
    ["is paused", `<domstatus state='paused'>${CHANNEL(" state='connected'")}`, [
      "virtual machine wrong",
      "channel right",
    ], "virsh resume"],
    ["has no agent", `<domstatus state='running'>${CHANNEL(" state='disconnected'")}`, [
      "virtual machine right",
      "channel wrong",
    ], "systemctl status"],
    ["has no channel", "<domstatus state='running'><devices/>", [
      "virtual machine right",
      "channel wrong",
    ], "virsh edit"],
  ] as const
) {
  Deno.test(`the doctor sees that a VM ${what}`, async () => {
    await using directory = await TempDirectory.make();
    await directory.file("vm1.xml", running);
    const findings = await checkDomain("vm1", [directory.path, directory.at("none")]);
    assertEquals(verdicts(findings), [...expected]);
    assert(findings.map(({ advice }) => advice).join("\n").includes(text));
  });
}

Deno.test("the doctor sees that a VM is off, and never leaves libvirt's directory", async () => {
  await using directory = await TempDirectory.make();
  await directory.directory("in");
  await directory.file("in/vm1.xml", `<domain>${CHANNEL("")}</domain>`);
  await directory.file("outside.xml", "secret");
  const directories = [directory.at("none"), directory.at("in")] as const;
  assertEquals(verdicts(await checkDomain("vm1", directories)), [
    "virtual machine wrong",
    "channel unknown",
  ]);
  for (const name of ["../outside", "", "a\0b"]) {
    assertEquals(verdicts(await checkDomain(name, directories)), ["domain unknown"]);
  }
});

Deno.test("the doctor finds nothing wrong with a healthy agent but what the machine suffers from", async () => {
  await using agent = await TestAgent.start();
  const findings = await checkAgent(channelAt(agent.paths.socket), { signal: NEVER });
  assertEquals(findings.map(({ about }) => about), [
    "socket",
    "agent",
    "version",
    "groups",
    "clock",
    "disks",
  ]);
  assertEquals(verdicts(findings).slice(0, 4), [
    "socket right",
    "agent right",
    "version right",
    "groups right",
  ]);
});

Deno.test("the doctor tells a missing socket, one that nothing serves, and one in use apart", async () => {
  await using directory = await TempDirectory.make();
  const [missing] = await checkAgent(channelAt(directory.at("none")), { signal: NEVER });
  assert(missing?.advice?.includes("no channel"), JSON.stringify(missing));
  await socketAt(directory.at("off"));
  const [off] = await checkAgent(channelAt(directory.at("off")), { signal: NEVER });
  assert(off?.advice?.includes("VM is off"), JSON.stringify(off));
  await using _agent = new ScriptedAgent(directory.at("used"));
  using _lock = await ChannelLock.acquire(directory.at("used"), "another program");
  const [used] = await checkAgent(channelAt(directory.at("used")), {
    signal: NEVER,
    lockAs: "doctor",
  });
  assert(used?.advice?.includes("one program at a time"), JSON.stringify(used));
});

Deno.test("the doctor says that an agent is too old to tell about its clock", async () => {
  await using directory = await TempDirectory.make();
  await using agent = new ScriptedAgent(directory.at("old"));
  agent.answerer = (request) =>
    request.method === "time_get"
      ? { text: errorLine(request, -32601, "no method") }
      : answerWell(request);
  const findings = await checkAgent(channelAt(directory.at("old")), { signal: NEVER });
  const clock = findings.find(({ about }) => about === "clock");
  assertEquals([clock?.verdict, clock?.advice], ["unknown", "update the package in the guest"]);
});
