import { assert, assertEquals } from "@std/assert";
import {
  channelsNamed,
  directoryOf,
  findChannels,
  problemOfSearchPath,
} from "../../host/channels.ts";
import { TempDirectory } from "../lib/_helpers.ts";
import { socketAt } from "./_sockets.ts";

const SUFFIX = ".org.kvmmanager.agent.0";

Deno.test("findChannels() finds sockets in every layout of libvirt, and nothing else", async () => {
  await using directory = await TempDirectory.make();
  await socketAt(directory.at(`flat${SUFFIX}`));
  for (const name of ["domain-7-older", "12-newer", "no-number", "domain-x-y", "13-"]) {
    await directory.directory(name);
    await socketAt(directory.at(`${name}/org.kvmmanager.agent.0`));
  }
  await directory.directory("14-without");
  await socketAt(directory.at("14-without/org.qemu.guest_agent.0"));
  await directory.directory("15-file");
  await directory.file("15-file/org.kvmmanager.agent.0", "");
  await directory.file(`file${SUFFIX}`, "");
  await socketAt(directory.at(SUFFIX));
  await socketAt(directory.at("other.org.qemu.guest_agent.0"));
  const { channels, problems } = await findChannels([directory.path]);
  assertEquals(channels.map(({ name, path }) => [name, path]), [
    ["flat", directory.at(`flat${SUFFIX}`)],
    ["newer", directory.at("12-newer/org.kvmmanager.agent.0")],
    ["older", directory.at("domain-7-older/org.kvmmanager.agent.0")],
  ]);
  assertEquals(problems, []);
});

Deno.test("findChannels() accepts any name: spaces, dots, dashes, newlines", async () => {
  await using directory = await TempDirectory.make();
  const names = ["a b", "..", "...", "a.b", "1-2", "-", "é€", "two\nlines", "\u001b[2J"];
  for (const name of names) await socketAt(directory.at(`${name}${SUFFIX}`));
  for (const [index, name] of names.entries()) {
    await directory.directory(`${index}-${name}`);
    await socketAt(directory.at(`${index}-${name}/org.kvmmanager.agent.0`));
  }
  const { channels } = await findChannels([directory.path]);
  assertEquals(channels.map(({ name }) => name), [...names, ...names].sort());
  for (const name of names) {
    const found = channelsNamed(channels, name);
    assertEquals(found.length, 2);
    assert(found.every(({ path }) => path.startsWith(`${directory.path}/`)));
  }
});

Deno.test("channelsNamed() compares names, and never builds a path from one", async () => {
  await using directory = await TempDirectory.make();
  await directory.directory("in");
  await socketAt(directory.at(`vm${SUFFIX}`));
  await socketAt(directory.at(`in/a${SUFFIX}`));
  const { channels } = await findChannels([directory.at("in")]);
  for (const name of ["../vm", "./a", "a/", "/a", "", "A", "a\n", "a\0", `a${SUFFIX}`]) {
    assertEquals(channelsNamed(channels, name), [], JSON.stringify(name));
  }
});

Deno.test("channelsNamed() finds a truncated name, unless another VM has the full name", async () => {
  await using directory = await TempDirectory.make();
  const long = "a-name-of-more-than-twenty-characters";
  await directory.directory(`3-${long.slice(0, 20)}`);
  await socketAt(directory.at(`3-${long.slice(0, 20)}/org.kvmmanager.agent.0`));
  const first = (await findChannels([directory.path])).channels;
  assertEquals(channelsNamed(first, long).length, 1);
  assertEquals(channelsNamed(first, long.slice(0, 19)), []);
  await socketAt(directory.at(`${long}${SUFFIX}`));
  const second = (await findChannels([directory.path])).channels;
  assertEquals(channelsNamed(second, long).map(({ name }) => name), [long]);
});

Deno.test("findChannels() accepts a pattern as the last component", async () => {
  await using directory = await TempDirectory.make();
  for (const name of ["vm-a.sock", "vm-b.sock", "vm-.sock", "x.sock", "vm-c.sock.old"]) {
    await socketAt(directory.at(name));
  }
  await directory.file("vm-file.sock", "");
  const { channels } = await findChannels([directory.at("vm-*.sock")]);
  assertEquals(channels.map(({ name }) => name), ["a", "b"]);
});

Deno.test("findChannels() reports what it cannot read, and ignores what does not exist", async () => {
  await using directory = await TempDirectory.make();
  await directory.file("file", "");
  const searchPaths = [directory.at("none"), directory.at("file"), directory.at("none/*.sock")];
  const { channels, problems } = await findChannels(searchPaths);
  assertEquals(channels, []);
  assertEquals(problems.map(({ path }) => path), [directory.at("file")]);
});

Deno.test("findChannels() accepts a pattern as any component, which is the VM's name", async () => {
  await using directory = await TempDirectory.make();
  for (const name of ["vm-a", "vm-b", "other"]) {
    await directory.directory(name);
    await socketAt(directory.at(`${name}/agent.sock`));
  }
  await directory.directory("vm-none");
  await directory.directory("vm-file");
  await directory.file("vm-file/agent.sock", "");
  const pattern = directory.at("vm-*/agent.sock");
  const { channels, problems } = await findChannels([pattern]);
  assertEquals(channels.map(({ name, path }) => [name, path]), [
    ["a", directory.at("vm-a/agent.sock")],
    ["b", directory.at("vm-b/agent.sock")],
  ]);
  assertEquals(problems, []);
  assertEquals(directoryOf(pattern), directory.path);
});

Deno.test("problemOfSearchPath() refuses a second wildcard, which could not be the VM's name", () => {
  assertEquals(problemOfSearchPath("/run/vms"), undefined);
  assertEquals(problemOfSearchPath("/run/*/s"), undefined);
  assertEquals(
    problemOfSearchPath("/run/*/*.sock"),
    'may have one "*", for the VM\'s name, received "/run/*/*.sock"',
  );
});
