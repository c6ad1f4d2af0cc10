/**
 * The package kvmmanager-host: the daemon, the command line, and what a host needs around them.
 *
 * @module
 */

import { ctlManual } from "./ctl_manual.ts";
import { installHostPrograms } from "./host_program.ts";
import type { Product } from "./product.ts";

const DOCUMENTS = "/usr/share/doc/kvmmanager-host";

/** The package for hosts. */
export const HOST: Product = {
  name: "kvmmanager-host",
  summary: "manages the guests of a KVM host through kvmmanager-agent",
  description: [
    "Lets this host query and manage its virtual machines over their virtio-serial",
    "channels, without a network to them.",
    "",
    "kvmmanager-hostd owns the channels and serves any number of local programs, and",
    "the guests' metrics to Prometheus. kvmmanager-ctl is the command line.",
  ],
  installProgram: installHostPrograms,
  files: [
    { source: "install/host/default", target: "/etc/default/kvmmanager-hostd" },
    { source: "install/host/systemd/", target: "/lib/systemd/system" },
    { source: "install/host/sysusers.conf", target: "/usr/lib/sysusers.d/kvmmanager-host.conf" },
    { source: "install/host/examples/", target: `${DOCUMENTS}/examples/nats` },
    { source: "install/prometheus/", target: `${DOCUMENTS}/examples/prometheus` },
    { source: "install/grafana/", target: `${DOCUMENTS}/examples/grafana` },
    {
      source: "install/host/kvmmanager-hostd.8",
      target: "/usr/share/man/man8/kvmmanager-hostd.8",
      isGzipped: true,
    },
    {
      source: { text: ctlManual() },
      target: "/usr/share/man/man1/kvmmanager-ctl.1",
      isGzipped: true,
    },
  ],
  directories: [],
  debian: { Depends: "libc6 (>= 2.31), libgcc-s1, passwd" },
  debianFolder: "install/host/debian",
};
