import { assert, assertEquals, assertThrows } from "@std/assert";
import { HostError } from "../../../host/daemon/errors.ts";
import { Host } from "../../../host/daemon/host.ts";
import { until } from "../../_waiting.ts";
import { TempDirectory } from "../../lib/_helpers.ts";
import { ScriptedAgent } from "../_scripted_agent.ts";
import { TestHostd } from "./_hostd.ts";

const AGENT = "org.kvmmanager.agent.0";
const UUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

const domainXml = (name: string, ...sockets: string[]) =>
  `<domstatus state='running'><domain><name>${name}</name><uuid>${UUID}</uuid><devices>${
    sockets.map((path) => `<channel><source path='${path}'/><target name='${AGENT}'/></channel>`)
      .join("")
  }</devices></domain></domstatus>`;

Deno.test("Host takes names and UUIDs from libvirt, whose paths have them truncated", async () => {
  await using directory = await TempDirectory.make();
  await directory.directory("channels/3-a-name-of-20-charact");
  await directory.directory("libvirt");
  const socket = directory.at(`channels/3-a-name-of-20-charact/${AGENT}`);
  await using _agent = new ScriptedAgent(socket);
  await directory.file("libvirt/x.xml", domainXml("a-name-of-20-characters-and-more", socket));
  await using host = await Host.open({
    searchPaths: [directory.at("channels")],
    libvirtDirectory: directory.at("libvirt"),
  });
  await host.settled(20_000);
  const [vm] = host.vms;
  assertEquals([vm?.id, vm?.name], [UUID, "a-name-of-20-characters-and-more"]);
  for (const name of [UUID, "a-name-of-20-characters-and-more", socket]) {
    assertEquals(host.find(name).id, UUID);
  }
  // Another domain's name that is truncated to the same.
  assertThrows(() => host.find("a-name-of-20-charact-b"), HostError);
  const { events } = await host.journal.read(
    { waitSeconds: 0, maxEvents: 1 },
    new AbortController().signal,
  );
  assertEquals(events[0]?.vm, UUID);
  // A VM that changes its name keeps its id.
  await directory.file("libvirt/x.xml", domainXml("renamed", socket));
  await host.refresh();
  assertEquals(host.find("renamed").id, UUID);
  assertThrows(() => host.find("a-name-of-20-characters-and-more"), HostError);
});

Deno.test("Host finds a VM by its truncated name if libvirt tells nothing", async () => {
  await using directory = await TempDirectory.make();
  await directory.directory("3-a-name-of-20-charact");
  await using _agent = new ScriptedAgent(directory.at(`3-a-name-of-20-charact/${AGENT}`));
  await using host = await Host.open({
    searchPaths: [directory.path],
    libvirtDirectory: directory.at("none"),
  });
  await host.settled(20_000);
  assertEquals(host.find("a-name-of-20-characters-and-more").name, "a-name-of-20-charact");
  assertThrows(() => host.find("a-name"), HostError);
});

Deno.test("Host asks which socket is meant if a VM has two", async () => {
  await using directory = await TempDirectory.make();
  const sockets = [directory.at(`a.${AGENT}`), directory.at(`b.${AGENT}`)];
  await using _one = new ScriptedAgent(sockets[0] ?? "");
  await using _two = new ScriptedAgent(sockets[1] ?? "");
  await directory.directory("libvirt");
  await directory.file("libvirt/x.xml", domainXml("vm1", ...sockets));
  await using host = await Host.open({
    searchPaths: [directory.path],
    libvirtDirectory: directory.at("libvirt"),
  });
  await host.settled(20_000);
  const error = assertThrows(() => host.find(UUID), HostError);
  for (const socket of sockets) {
    assert(error.data.reason.includes(socket));
    assertEquals(host.find(socket).agent.path, socket);
  }
});

Deno.test("Host drops a VM whose socket is replaced by a file, and takes it back", async () => {
  await using hostd = await TestHostd.start("vm1");
  const { path } = hostd.agent("vm1");
  await Deno.remove(path);
  await Deno.writeTextFile(path, "");
  await until(() => hostd.host.vms.length === 0, "the VM to go");
  await Deno.remove(path);
  await using _again = new ScriptedAgent(path);
  await until(() => hostd.host.vms[0]?.agent.state === "ready", "the VM to come back");
});

Deno.test("Host says which directories it cannot read, and serves the others", async () => {
  await using directory = await TempDirectory.make();
  await directory.directory("good");
  await using _agent = new ScriptedAgent(directory.at(`good/vm1.${AGENT}`));
  const bad = await directory.file("bad", "");
  await using host = await Host.open({
    searchPaths: [bad, directory.at("good")],
    libvirtDirectory: directory.at("none"),
  });
  await host.settled(20_000);
  assertEquals(host.vms.map(({ name }) => name), ["vm1"]);
  assert(host.problems.some((problem) => problem.includes(bad)));
});
