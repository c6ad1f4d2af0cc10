/**
 * The programs that a virtual machine needs on the developer's machine, and where to get them.
 *
 * @module
 */

/** Programs, each with the Debian package that has it. */
const PACKAGES = {
  mmdebstrap: "mmdebstrap",
  mke2fs: "e2fsprogs",
  e2fsck: "e2fsprogs",
  dumpe2fs: "e2fsprogs",
  debugfs: "e2fsprogs",
  "qemu-system-x86_64": "qemu-system-x86",
  "qemu-img": "qemu-utils",
  "dpkg-deb": "dpkg",
  checkmodule: "checkpolicy",
  semodule_package: "semodule-utils",
  semodule_unpackage: "semodule-utils",
  unshare: "util-linux",
  busybox: "busybox-static",
  cpio: "cpio",
  ssh: "openssh-client",
  "ssh-keygen": "openssh-client",
  npm: "npm",
  // With what an emulated program needs of its own system.
  "qemu-aarch64-static": "qemu-user-static libc6-arm64-cross libgcc-s1-arm64-cross",
  libvirtd: "libvirt-daemon libvirt-daemon-driver-qemu",
  virsh: "libvirt-clients",
  lintian: "lintian",
  man: "man-db",
  "nats-server": "nats-server",
  openssl: "openssl",
  rpm: "rpm",
  rpm2cpio: "rpm",
  rpmbuild: "rpm",
  rpmlint: "rpmlint",
  tar: "tar",
  xz: "xz-utils",
  wixl: "wixl",
  msibuild: "msitools",
  zip: "zip",
} as const;

/** One of these programs. */
export type Tool = keyof typeof PACKAGES;

/** System administration programs, which are not in a user's PATH. */
const SYSTEM_DIRECTORIES = ["/usr/local/sbin", "/usr/sbin", "/sbin"] as const;

/** Programs are missing; the message says in one line what to install. */
export class MissingToolsError extends Error {
  override readonly name = "MissingToolsError";

  constructor(readonly tools: readonly Tool[]) {
    const packages = [...new Set(tools.map((tool) => PACKAGES[tool]))].sort().join(" ");
    super(`${tools.join(", ")} not found; on Debian: apt-get install ${packages}`);
  }
}

/** The environment of the programs: PATH with the system directories. */
export function toolEnvironment(): Record<string, string> {
  return { PATH: [Deno.env.get("PATH") ?? "/usr/bin:/bin", ...SYSTEM_DIRECTORIES].join(":") };
}

async function isInstalled(tool: Tool): Promise<boolean> {
  for (const directory of (toolEnvironment().PATH ?? "").split(":")) {
    try {
      if ((await Deno.stat(`${directory}/${tool}`)).isFile) return true;
    } catch {
      // Not in this directory.
    }
  }
  return false;
}

/**
 * Checks that programs are installed, before any work starts.
 *
 * @throws {MissingToolsError} with all programs that are missing.
 */
export async function requireTools(tools: readonly Tool[]): Promise<void> {
  const missing: Tool[] = [];
  for (const tool of tools) if (!await isInstalled(tool)) missing.push(tool);
  if (missing.length > 0) throw new MissingToolsError(missing);
}

/** A program exited with a status other than 0. */
export class ToolFailedError extends Error {
  override readonly name = "ToolFailedError";
}

const SHOWN_CHARACTERS = 2000;

/**
 * Runs a program and waits for it.
 *
 * @returns Its standard output.
 * @throws {ToolFailedError} with the end of its standard error.
 */
export async function runTool(
  program: string,
  args: readonly string[],
  options: { cwd?: string | URL; env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: options.cwd,
    env: { ...toolEnvironment(), ...options.env },
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (code === 0) return decode(stdout);
  const said = decode(stderr).trim().slice(-SHOWN_CHARACTERS);
  throw new ToolFailedError(`${program} exited with status ${code}: ${said}`);
}
