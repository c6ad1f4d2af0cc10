/**
 * Everything in the package besides the program: the files of install/ in their places.
 *
 * @module
 */

import { dirname, fromFileUrl } from "@std/path/posix";
import { VERSION } from "../../lib/base/version.ts";
import { runTool } from "../vm/tools.ts";
import { configurationManual } from "./config_manual.ts";
import type { Architecture } from "./program.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

const DOCUMENTS = "/usr/share/doc/kvmmanager-agent";
const UNITS = "/lib/systemd/system";
const MAINTAINER = "KVM Manager <agent@kvmmanager.org>";

/** Files of the repository and where they go; a source that ends in a slash is a directory. */
const FILES: readonly (readonly [source: string, target: string, mode: number])[] = [
  ["install/config.json", "/etc/kvmmanager-agent/config.json", 0o644],
  ["install/logrotate", "/etc/logrotate.d/kvmmanager-agent", 0o644],
  ["install/60-kvmmanager-agent.rules", "/lib/udev/rules.d/60-kvmmanager-agent.rules", 0o644],
  ["install/sysusers.conf", "/usr/lib/sysusers.d/kvmmanager-agent.conf", 0o644],
  ["install/tmpfiles.conf", "/usr/lib/tmpfiles.d/kvmmanager-agent.conf", 0o644],
  ["install/systemd/", UNITS, 0o644],
  ["install/lib/", "/usr/lib/kvmmanager-agent", 0o755],
  ["install/examples/", `${DOCUMENTS}/examples`, 0o644],
  ["install/openrc/kvmmanager-agent", `${DOCUMENTS}/examples/kvmmanager-agent.openrc`, 0o644],
  ["install/debian/copyright", `${DOCUMENTS}/copyright`, 0o644],
  ["install/debian/lintian-overrides", "/usr/share/lintian/overrides/kvmmanager-agent", 0o644],
  ["install/debian/postinst", "/DEBIAN/postinst", 0o755],
  ["install/debian/prerm", "/DEBIAN/prerm", 0o755],
  ["install/debian/postrm", "/DEBIAN/postrm", 0o755],
];

const MANUALS = "/usr/share/man";
/** Belongs to root: install/lib/start keeps the runtime's flags there. */
const STATE = "/var/lib/kvmmanager-agent";

/** What differs between packages. */
export interface TreeOptions {
  readonly architecture: Architecture;
  /** The modification time of every file, in seconds since 1970. */
  readonly time: number;
}

/** Completes a tree that already contains the program. */
export async function buildTree(tree: string, options: TreeOptions): Promise<void> {
  for (const [source, target, mode] of FILES) {
    if (!source.endsWith("/")) {
      await install(source, `${tree}${target}`, mode);
      continue;
    }
    for await (const { name } of Deno.readDir(`${ROOT}${source}`)) {
      await install(`${source}${name}`, `${tree}${target}/${name}`, mode);
    }
  }
  const program = `${tree}${MANUALS}/man8/kvmmanager-agent.8`;
  await install("install/kvmmanager-agent.8", program, 0o644);
  await compress(program);
  const configuration = `${tree}${MANUALS}/man5/kvmmanager-agent.json.5`;
  await write(configuration, configurationManual());
  await compress(configuration);
  await write(`${tree}${DOCUMENTS}/changelog`, changelog(options.time));
  await compress(`${tree}${DOCUMENTS}/changelog`);
  await Deno.mkdir(`${tree}${STATE}`, { recursive: true });
  await write(`${tree}/DEBIAN/conffiles`, await conffiles(tree));
  await write(`${tree}/DEBIAN/md5sums`, await md5sums(tree));
  await write(`${tree}/DEBIAN/control`, control(options, await installedKilobytes(tree)));
  await runTool("find", [tree, "-exec", "touch", "-h", "-d", `@${options.time}`, "{}", "+"]);
}

async function install(source: string, target: string, mode: number): Promise<void> {
  await Deno.mkdir(dirname(target), { recursive: true });
  await Deno.copyFile(`${ROOT}${source}`, target);
  await Deno.chmod(target, mode);
}

async function write(target: string, text: string): Promise<void> {
  await Deno.mkdir(dirname(target), { recursive: true });
  await Deno.writeTextFile(target, text);
  await Deno.chmod(target, 0o644);
}

/** Without name and time inside: the same text makes the same bytes. */
async function compress(path: string): Promise<void> {
  await runTool("gzip", ["-9", "--no-name", path]);
}

/** The files that dpkg does not replace without asking: everything below /etc. */
async function conffiles(tree: string): Promise<string> {
  const found = await runTool("find", ["etc", "-type", "f"], { cwd: tree });
  return found.trim().split("\n").sort().map((path) => `/${path}\n`).join("");
}

/** For `dpkg --verify`: every file but the configuration files. */
async function md5sums(tree: string): Promise<string> {
  const found = await runTool("find", [
    ...[".", "-type", "f", "-not", "-path", "./DEBIAN/*", "-not", "-path", "./etc/*"],
    ...["-exec", "md5sum", "{}", "+"],
  ], { cwd: tree });
  const lines = found.trim().split("\n").map((line) => line.replace("  ./", "  "));
  return lines.sort().map((line) => `${line}\n`).join("");
}

async function installedKilobytes(tree: string): Promise<number> {
  return Number(/^\d+/.exec(await runTool("du", ["-sk", "--exclude=DEBIAN", tree]))?.[0]);
}

const control = ({ architecture }: TreeOptions, kilobytes: number) =>
  `Package: kvmmanager-agent
Version: ${VERSION}
Architecture: ${architecture}
Maintainer: ${MAINTAINER}
Installed-Size: ${kilobytes}
Depends: libc6 (>= 2.31), libgcc-s1, passwd
Section: admin
Priority: optional
Description: guest agent for KVM virtual machines
 Lets the host query and manage this virtual machine over a virtio-serial port,
 without a network: system information, files, commands, power. It speaks
 JSON-RPC 2.0, one message per line.
 .
 The agent runs as an unprivileged system user, confined by its runtime's
 permissions and by systemd, in 50 MiB of memory.
`;

const changelog = (time: number) =>
  `kvmmanager-agent (${VERSION}) unstable; urgency=medium

  * See CHANGELOG.md in the sources.

 -- ${MAINTAINER}  ${new Date(time * 1000).toUTCString().replace("GMT", "+0000")}
`;
