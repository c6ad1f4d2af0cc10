/**
 * A real libvirt drives Debian's qemu-ga, and then our agent in its place, in one guest: virsh prints
 * the same.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { printError } from "../../lib/base/terminal.ts";
import { VERSION } from "../../lib/base/version.ts";
import { buildImage } from "../../scripts/vm/image.ts";
import { currentPackages } from "../../scripts/vm/package.ts";
import { GUEST, Libvirt, type Said } from "./_libvirt.ts";

const BOOT_MS = 300_000;
const INSTALL_MS = 120_000;
const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK9HzPIEAI4IlkFV4Y9OWlHyEJhXgXmRvP8Ka2bEIcVY ci";
const OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK9HzPIEAI4IlkFV4Y9OWlHyEJhXgXmRvP8Ka2bEIcVZ me";

/** A user and a second file system. */
const PREPARE = `set -e
mkfs.ext4 -q /dev/vdb
mount /dev/vdb /mnt
useradd --create-home alice`;

/** Our package, with what the administrator allows a host whose tools set passwords and keys. */
const takeOver = (packageFile: Uint8Array) =>
  `set -e
passwd -q -d alice
rm -r /home/alice/.ssh
sed -i 's/"allowed_read_paths"/"allow": ["see", "file-read", "file-write", "exec", "power", "freeze", "time", "accounts"],\\n "managed_users": ["alice"],\\n &/' /etc/kvmmanager-agent/config.json
echo ${packageFile.toBase64()} | base64 -d >/root/agent-qga.deb
dpkg -i /root/agent-qga.deb >&2
pgrep -x qemu-ga && exit 1
systemctl --failed --no-legend --plain`;

/** Debian's package again, as apt gets it for an administrator, made of what it had installed. */
const REPACK = `set -e
mkdir -p /root/back/DEBIAN
dpkg -L qemu-guest-agent | while read -r path; do
  [ -d "$path" ] || cp -a --parents "$path" /root/back
done
for path in /var/lib/dpkg/info/qemu-guest-agent.*; do
  name=\${path##*.}
  [ "$name" = list ] || cp "$path" "/root/back/DEBIAN/$name"
done
dpkg-query --status qemu-guest-agent |
  awk '/^[^ ]/ { skip = /^(Status|Conffiles):/ } !skip' >/root/back/DEBIAN/control
dpkg-deb --build /root/back /root/qemu-guest-agent.deb`;

const GIVE_BACK = `set -e
DEBIAN_FRONTEND=noninteractive apt-get install -y /root/qemu-guest-agent.deb </dev/null >&2
systemctl --quiet is-active kvmmanager-agent-qga && exit 1
dpkg --purge kvmmanager-agent-qga >&2
[ -z "$(find /etc /usr /var /run -xdev -name '*kvmmanager-agent-qga*' | tee /dev/stderr)" ]
systemctl start qemu-guest-agent
systemctl --failed --no-legend --plain`;

/** Commands in the order in which they build on each other. */
const commands = (
  { key, other }: Readonly<Record<"key" | "other", string>>,
): readonly (readonly [string, ...string[]])[] => [
  ["guestinfo"],
  ["domifaddr", "--source", "agent"],
  ["domfsinfo"],
  ["domhostname", "--source", "agent"],
  ["domtime"],
  ["guestvcpus"],
  ["domfsfreeze"],
  ["qemu-agent-command", '{"execute":"guest-fsfreeze-status"}'],
  ["guestinfo"],
  ["domfsthaw"],
  ["domfsfreeze", "--mountpoint", "/mnt"],
  ["domfsthaw"],
  ["domfstrim"],
  ["set-user-password", "alice", "secret"],
  ["set-user-sshkeys", "alice", "--file", key],
  ["set-user-sshkeys", "alice", "--reset", "--file", other],
  ["get-user-sshkeys", "alice"],
  ["set-user-sshkeys", "alice", "--remove", "--file", other],
  ["get-user-sshkeys", "alice"],
  ["domtime", "--time", "1500000000"],
  ["domtime"],
  ["domtime", "--now"],
  ["domtime", "--sync"],
  ["domtime"],
  ["guest-agent-timeout", "--timeout", "5"],
  ["guest-agent-timeout"],
];

/** Any time after the one that is set; before it is only what the clock was set to. */
const LATER = 1_600_000_000;

/** Without what differs between two moments, and the order of lists. */
const comparable = ({ code, text }: Said): string[] => [
  `status ${code}`,
  ...text.split("\n")
    .filter((line) => !line.includes("used-bytes"))
    .map((line) =>
      line.replaceAll(/\.\d+\./g, ".N.")
        .replace(/^Time: (\d+).*/, (_, time) => `Time: ${Number(time) < LATER ? "as set" : "now"}`)
        .trimEnd()
    )
    .sort(),
];

/** What virsh prints for each command, and its exit status. */
async function transcript(
  libvirt: Libvirt,
  keys: Parameters<typeof commands>[0],
): Promise<string[]> {
  const said: string[] = [];
  for (const [command, ...args] of commands(keys)) {
    const answer = comparable(await libvirt.patientVirsh(command, GUEST, ...args));
    said.push([`$ virsh ${[command, ...args].join(" ")}`, ...answer].join("\n"));
  }
  return said;
}

/** How many bytes of the host have come to qemu-ga's port, as the kernel counts them. */
const RECEIVED = `received() {
  mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
  awk '/^name:/ { ours = $2 == "org.qemu.guest_agent.0" } ours && /^bytes_received:/ { print $2 }' \\
    /sys/kernel/debug/virtio-ports/*
}
`;

/**
 * What virsh prints when an agent hangs, is killed, is suspended with its guest, and reboots it. The
 * guest is not rebooted in the end, but back at the moment before.
 */
async function hardships(libvirt: Libvirt, unit: string): Promise<string[]> {
  const signal = (name: string) => `systemctl kill --kill-who=main --signal=${name} ${unit}\n`;
  const said: string[] = [];
  const note = async (...[command, ...args]: readonly [string, ...string[]]) => {
    const answer = comparable(await libvirt.virsh(command, GUEST, ...args));
    said.push([`$ virsh ${[command, ...args].join(" ")}`, ...answer].join("\n"));
  };

  await libvirt.say("guest-agent-timeout", "--timeout", "2");
  await libvirt.root(signal("STOP"));
  // Of domhostname, virsh would say that there is no host name.
  await note("domtime");
  await libvirt.root(signal("CONT"));
  await libvirt.say("guest-agent-timeout");
  await note("domtime");

  const before = await libvirt.root(`${RECEIVED}${signal("STOP")}received`);
  await Promise.all([
    note("domtime"),
    // Not before the request is there, which would be told to nobody.
    libvirt.root(
      `${RECEIVED}until [ "$(received)" -gt ${before.trim()} ]; do sleep .1; done
${signal("KILL")}`,
    ),
  ]);
  await libvirt.agentReady(BOOT_MS);
  await note("domhostname", "--source", "agent");

  await note("dompmsuspend", "mem");
  // Again and again: virsh may return before the guest sleeps, and its clock may wake the guest up.
  await libvirt.agentReady(BOOT_MS, () => libvirt.virsh("dompmwakeup", GUEST));
  await note("domhostname", "--source", "agent");

  await libvirt.keep();
  await libvirt.event("reboot", () => note("reboot", "--mode", "agent"));
  await libvirt.goBack();
  await libvirt.agentReady(BOOT_MS);
  return said;
}

Deno.test("libvirt drives the agent as it drives qemu-ga", async (t) => {
  const { agent, qga } = await currentPackages(printError);
  const image = await buildImage({ init: "systemd", packageFile: agent, onProgress: printError });
  const libvirt = await Libvirt.start(image);
  await using _libvirt = libvirt;
  const keys = { key: `${libvirt.directory}/key.pub`, other: `${libvirt.directory}/other.pub` };
  await Deno.writeTextFile(keys.key, `${KEY}\n`);
  await Deno.writeTextFile(keys.other, `${OTHER}\n`);
  let theirs: readonly string[] = [];
  let hardshipsOfTheirs: readonly string[] = [];
  /** A step without which the others make no sense. */
  const step = async (name: string, fn: () => Promise<void>) =>
    assert(await t.step(name, fn), `${name}: failed`);

  await step("the guest boots", async () => {
    await libvirt.agentReady(BOOT_MS);
    await libvirt.rootReady(BOOT_MS);
    await libvirt.root(PREPARE);
    await libvirt.root(REPACK);
  });

  await step("qemu-ga does all that virsh asks for", async () => {
    theirs = await transcript(libvirt, keys);
    for (const said of theirs) assertStringIncludes(said, "status 0");
    hardshipsOfTheirs = await hardships(libvirt, "qemu-guest-agent");
  });

  await step("the package takes over the port of the running guest", async () => {
    assertEquals(await libvirt.root(takeOver(await Deno.readFile(qga)), INSTALL_MS), "");
    await libvirt.agentReady(BOOT_MS);
    assertEquals(Object(await libvirt.ask("guest-info")).version, VERSION);
  });

  await t.step("virsh prints the same with the agent", async () => {
    assertEquals(await transcript(libvirt, keys), theirs);
  });

  await t.step(
    "virsh prints the same when the agent hangs, is killed, is suspended or reboots the guest",
    async () => {
      assertEquals(await hardships(libvirt, "kvmmanager-agent-qga"), hardshipsOfTheirs);
    },
  );

  await t.step("the password that was set is that of a login", async () => {
    // su asks everybody but root.
    const login = (password: string) =>
      libvirt.tryRoot(
        `echo ${password} | setpriv --reuid=65534 --clear-groups su alice -c 'id -un'`,
      );
    assertEquals((await login("secret")).stdout.trim(), "alice");
    assert((await login("wrong")).status !== 0);
  });

  await t.step("a snapshot of the disk is taken while file systems are frozen", async () => {
    const args = ["--disk-only", "--quiesce", "--no-metadata", "--diskspec", "vdb,snapshot=no"];
    await libvirt.say("snapshot-create-as", "s1", ...args);
    // Of the last requests, which are those of this snapshot.
    await libvirt.root(`until journalctl -u kvmmanager-agent-qga -o cat | tail -n 4 |
        grep -q guest-fsfreeze-thaw; do sleep .2; done`);
    assertEquals(await libvirt.ask("guest-fsfreeze-status"), "thawed");
  });

  await t.step("a large file is read in answers that libvirt takes", async () => {
    await libvirt.root("truncate -s 20M /tmp/large; chmod 644 /tmp/large");
    const handle = await libvirt.ask("guest-file-open", { path: "/tmp/large" });
    const { count } = Object(await libvirt.ask("guest-file-read", { handle, count: 48 << 20 }));
    assert(count > 100_000 && count < 5_000_000, `${count} bytes`);
  });

  await step("when qemu-ga's package is installed again, it has its port again", async () => {
    await libvirt.keep();
    assertEquals(await libvirt.root(GIVE_BACK, INSTALL_MS), "");
    await libvirt.agentReady(BOOT_MS);
    assert(Object(await libvirt.ask("guest-info")).version !== VERSION);
    await libvirt.goBack();
    await libvirt.agentReady(BOOT_MS);
    assertEquals(Object(await libvirt.ask("guest-info")).version, VERSION);
  });

  await t.step("virsh shutdown --mode agent powers the guest off", async () => {
    // It waits for a minute, which a guest may need longer than: only its end counts.
    await libvirt.virsh("shutdown", GUEST, "--mode", "agent");
    await libvirt.off();
  });
});
