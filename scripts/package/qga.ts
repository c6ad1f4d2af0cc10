/**
 * The package kvmmanager-agent-qga: a second service of the same program, in place of qemu-ga.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import { VERSION } from "../../lib/base/version.ts";
import type { Product } from "./product.ts";
import { qgaUnit } from "./qga_unit.ts";

const UNIT = fromFileUrl(
  new URL("../../install/systemd/kvmmanager-agent.service", import.meta.url),
);

/** The package of the service on qemu-ga's port; it takes the place of qemu-guest-agent. */
export const QGA: Product = {
  name: "kvmmanager-agent-qga",
  summary: "guest agent of KVM Manager in place of qemu-ga",
  description: [
    "Speaks the language of QEMU's guest agent on that agent's port, so virsh,",
    "Proxmox, KubeVirt and other tools work unchanged, confined to what this guest",
    "allows. It takes the place of qemu-guest-agent.",
  ],
  files: [
    {
      source: "install/qga/60-kvmmanager-agent-qga.rules",
      target: "/lib/udev/rules.d/60-kvmmanager-agent-qga.rules",
    },
    {
      source: { text: qgaUnit(Deno.readTextFileSync(UNIT)) },
      target: "/lib/systemd/system/kvmmanager-agent-qga.service",
    },
    {
      source: "install/qga/kvmmanager-agent-qga.8",
      target: "/usr/share/man/man8/kvmmanager-agent-qga.8",
      isGzipped: true,
    },
  ],
  // Belongs to root: install/lib/start keeps the runtime's flags there.
  directories: ["/var/lib/kvmmanager-agent-qga"],
  debian: {
    Depends: `kvmmanager-agent (= ${VERSION})`,
    // Together, the first two make dpkg remove the other package.
    Conflicts: "qemu-guest-agent",
    Replaces: "qemu-guest-agent",
    Provides: "qemu-guest-agent",
  },
  debianFolder: "install/qga/debian",
};
