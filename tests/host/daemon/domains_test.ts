import { assertEquals, assertThrows } from "@std/assert";
import { Domains, METADATA_NAMESPACE, parseDomain } from "../../../host/daemon/domains.ts";
import { TempDirectory } from "../../lib/_helpers.ts";

const UUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
const SOCKET = "/run/libvirt/qemu/channel/3-a-name-that-is-long/org.kvmmanager.agent.0";

/** A status file as libvirt writes it, with the parts that matter. */
const statusXml = ({ name = "a-name-that-is-longer", metadata = "", socket = SOCKET } = {}) => `
<domstatus state='running' reason='booted' pid='4711'>
  <taint flag='custom-argv'/>
  <domain type='kvm' id='3'>
    <name>${name}</name>
    <uuid>${UUID.toUpperCase()}</uuid>
    <title>The web server &amp; more</title>
    <metadata>${metadata}</metadata>
    <devices>
      <disk><source file='/x'/><target dev='vda'/></disk>
      <channel type='unix'>
        <source mode='bind' path='/run/other.sock'/>
        <target type='virtio' name='org.qemu.guest_agent.0' state='connected'/>
      </channel>
      <channel type='unix'>
        <source mode='bind' path='${socket}'/>
        <target type='virtio' name='org.kvmmanager.agent.0' state='connected'/>
        <alias name='channel1'/>
      </channel>
    </devices>
  </domain>
</domstatus>`;

const labelsXml = (labels: string) =>
  `<k:labels xmlns:k="${METADATA_NAMESPACE}">${labels}</k:labels>`;

Deno.test("parseDomain() finds a domain's names, state, labels and the agent's socket", () => {
  const metadata = `<o:label xmlns:o="urn:other" name="role">other</o:label>` +
    labelsXml(`<k:label name="role"> web </k:label><k:label name="zone">a&lt;b</k:label>`);
  assertEquals(parseDomain(statusXml({ metadata })), {
    domain: {
      name: "a-name-that-is-longer",
      uuid: UUID,
      title: "The web server & more",
      labels: { role: "web", zone: "a<b" },
      state: "running",
    },
    sockets: [SOCKET],
  });
});

Deno.test("parseDomain() leaves out labels that could mislead a reader, and bounds the rest", () => {
  const metadata = labelsXml(
    [
      `<k:label name="newline">a&#10;b</k:label>`,
      `<k:label name="escape">a&#x9b;31m</k:label>`,
      `<k:label name="huge">${"x".repeat(1024 * 1024)}</k:label>`,
      `<k:label name="__proto__">x</k:label>`,
      `<k:label name='quote"d'>x</k:label>`,
      `<k:label>nameless</k:label>`,
      `<k:label name="quotes">it's a "value"</k:label>`,
      ...Array.from({ length: 100 }, (_, index) => `<k:label name="n${index}">x</k:label>`),
    ].join(""),
  );
  const { labels } = parseDomain(statusXml({ metadata })).domain;
  assertEquals(Object.keys(labels).length, 64);
  assertEquals(Object.keys(labels).slice(0, 2), ["quotes", "n0"]);
  assertEquals(labels.quotes, `it's a "value"`);
});

Deno.test("parseDomain() is not misled by what looks like a domain's elements in its metadata", () => {
  const metadata = `<evil><domain><name>other</name><uuid>x</uuid></domain>` +
    `<devices><channel><source path='/evil'/><target name='org.kvmmanager.agent.0'/></channel>` +
    `</devices></evil>`;
  const { domain, sockets } = parseDomain(statusXml({ metadata }));
  assertEquals([domain.name, domain.uuid, sockets], ["a-name-that-is-longer", UUID, [SOCKET]]);
});

Deno.test("parseDomain() refuses what is not a domain", () => {
  const bomb =
    `<!DOCTYPE d [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><domain><name>&b;</name></domain>`;
  for (const xml of ["", "text", "<domain>", "<domain/>", "<a><b></a></b>", bomb]) {
    assertThrows(() => parseDomain(xml), Error, undefined, xml);
  }
});

Deno.test("Domains follows the files that change, and ignores those that make no sense", async () => {
  await using directory = await TempDirectory.make();
  const domains = new Domains(directory.path);
  await directory.file("vm.xml", statusXml());
  await directory.file("half.xml", statusXml().slice(0, 200));
  await directory.file("large.xml", "x".repeat(5 * 1024 * 1024));
  await directory.file("other.pid", "1");
  await domains.refresh();
  assertEquals(domains.of(SOCKET)?.name, "a-name-that-is-longer");
  await directory.file("vm.xml", statusXml({ name: "its new and longer name" }));
  await domains.refresh();
  assertEquals(domains.of(SOCKET)?.name, "its new and longer name");
  await Deno.remove(directory.at("vm.xml"));
  await domains.refresh();
  assertEquals([domains.of(SOCKET), domains.problem], [undefined, undefined]);
});

Deno.test("Domains says why libvirt's files cannot be read; without libvirt there is no problem", async () => {
  await using directory = await TempDirectory.make();
  const none = new Domains(directory.at("none"));
  await none.refresh();
  assertEquals(none.problem, undefined);
  const path = await directory.file("file", "");
  const file = new Domains(path);
  await file.refresh();
  assertEquals(file.problem, `${path}: Not a directory (os error 20): readdir '${path}'`);
});
