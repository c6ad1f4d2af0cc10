/**
 * The package kvmmanager-agent: the files of install/ in their places.
 *
 * @module
 */

import { configurationManual } from "./config_manual.ts";
import type { Product } from "./product.ts";
import { installProgram } from "./program.ts";

const LIBRARY = "/usr/lib/kvmmanager-agent";
const DOCUMENTS = "/usr/share/doc/kvmmanager-agent";

/** The agent's package. */
export const AGENT: Product = {
  name: "kvmmanager-agent",
  summary: "guest agent for KVM virtual machines",
  description: [
    "Lets the host query and manage this virtual machine over a virtio-serial port,",
    "without a network: system information, files, commands, power. It speaks",
    "JSON-RPC 2.0, one message per line.",
    "",
    "The agent runs as an unprivileged system user, confined by its runtime's",
    "permissions and by systemd, in 50 MiB of memory.",
  ],
  installProgram,
  files: [
    { source: "install/config.json", target: "/etc/kvmmanager-agent/config.json" },
    { source: "install/logrotate", target: "/etc/logrotate.d/kvmmanager-agent" },
    {
      source: "install/60-kvmmanager-agent.rules",
      target: "/lib/udev/rules.d/60-kvmmanager-agent.rules",
    },
    { source: "install/sysusers.conf", target: "/usr/lib/sysusers.d/kvmmanager-agent.conf" },
    { source: "install/tmpfiles.conf", target: "/usr/lib/tmpfiles.d/kvmmanager-agent.conf" },
    { source: "install/systemd/", target: "/lib/systemd/system" },
    { source: "install/lib/", target: LIBRARY, mode: 0o755 },
    { source: "install/examples/", target: `${DOCUMENTS}/examples` },
    {
      source: "install/openrc/kvmmanager-agent",
      target: `${DOCUMENTS}/examples/kvmmanager-agent.openrc`,
    },
    {
      source: "install/kvmmanager-agent.8",
      target: "/usr/share/man/man8/kvmmanager-agent.8",
      isGzipped: true,
    },
    {
      source: { text: configurationManual() },
      target: "/usr/share/man/man5/kvmmanager-agent.json.5",
      isGzipped: true,
    },
  ],
  // Belongs to root: install/lib/start keeps the runtime's flags there.
  directories: ["/var/lib/kvmmanager-agent"],
  debian: { Depends: "libc6 (>= 2.31), libgcc-s1, passwd" },
  debianFolder: "install/debian",
  rpm: {
    license: "MIT AND BSD-3-Clause AND Apache-2.0",
    requires: [
      "libc.so.6(GLIBC_2.27)(64bit)",
      "libgcc_s.so.1()(64bit)",
      "/usr/bin/setpriv",
      "/usr/sbin/useradd",
      "systemd",
    ],
    files: [{
      source: "install/rpm/preset",
      target: "/usr/lib/systemd/system-preset/85-kvmmanager-agent.preset",
    }],
    directories: ["/etc/kvmmanager-agent", LIBRARY, DOCUMENTS, `${DOCUMENTS}/examples`],
    selinux: "install/selinux/kvmmanager_agent",
    scriptlets: "install/rpm/scriptlets",
  },
};
