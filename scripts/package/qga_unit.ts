/**
 * The unit of the agent on qemu-ga's port, made of that of the agent on its own port: the two differ
 * in little, and what confines one has to confine the other.
 *
 * @module
 */

const PORT_UNIT = "dev-virtio\\x2dports-org.qemu.guest_agent.0.device";

/** What differs: a text that the other unit has once, and what takes its place. */
const CHANGES: readonly (readonly [text: string, other: string])[] = [
  ["Description=Guest agent of KVM Manager\n", "Description=Guest agent on qemu-ga's port\n"],
  [
    "Documentation=man:kvmmanager-agent(8)\n",
    "Documentation=man:kvmmanager-agent-qga(8) man:kvmmanager-agent(8)\n",
  ],
  ["BindsTo=dev-virtio\\x2dports-org.kvmmanager.agent.0.device\n", `BindsTo=${PORT_UNIT}\n`],
  [
    "After=dev-virtio\\x2dports-org.kvmmanager.agent.0.device\n",
    `After=${PORT_UNIT}\n` +
    "# A qemu-ga that was not installed from its package. Stopped first, since a port is opened once.\n" +
    "Conflicts=qemu-guest-agent.service\nAfter=qemu-guest-agent.service\n",
  ],
  [
    "ExecStart=!/usr/lib/kvmmanager-agent/start\n",
    "ExecStart=!/usr/lib/kvmmanager-agent/start --dialect qga\n" +
    "Environment=AGENT_SERVICE=kvmmanager-agent-qga\n" +
    "Environment=AGENT_PORT=/dev/virtio-ports/org.qemu.guest_agent.0\n",
  ],
  [
    "# back to the user. SIGHUP reloads: systemctl kill --kill-who=main --signal=HUP kvmmanager-agent\n",
    "# back to the user. SIGHUP reloads: systemctl kill --kill-who=main --signal=HUP kvmmanager-agent-qga\n",
  ],
  ["SyslogIdentifier=kvmmanager-agent\n", "SyslogIdentifier=kvmmanager-agent-qga\n"],
  [
    "# The command monitor's socket is in the second one; its own mode says who may connect. For\n" +
    "# pipe_group=, add the user to that group (usermod -aG).\n" +
    "RuntimeDirectory=kvmmanager-agent google-guest-agent\n",
    "RuntimeDirectory=kvmmanager-agent-qga\n",
  ],
  [
    "WantedBy=dev-virtio\\x2dports-org.kvmmanager.agent.0.device\n",
    `WantedBy=${PORT_UNIT}\n`,
  ],
];

/**
 * The unit.
 *
 * @param unit The text of kvmmanager-agent.service.
 * @throws {Error} if that has changed so that this file has to follow.
 */
export function qgaUnit(unit: string): string {
  let text = unit;
  for (const [before, after] of CHANGES) {
    if (text.split(before).length !== 2) {
      throw new Error(`kvmmanager-agent.service must contain once: ${before}`);
    }
    text = text.replace(before, () => after);
  }
  return text;
}
