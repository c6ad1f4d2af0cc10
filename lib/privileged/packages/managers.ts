/**
 * How each package manager installs, removes and upgrades: never asking anything, and keeping
 * configuration files that were changed.
 *
 * @module
 */

import { commandFailed, notFound } from "../../base/errors.ts";
import type { Root } from "../operation.ts";

/** The arguments of one run of a manager's program. */
type Arguments = readonly string[];

/** A package manager that changes packages. */
export interface PackageManager {
  readonly program: "apt-get" | "zypper" | "dnf" | "apk";
  readonly env: Readonly<Record<string, string>>;
  /** Asks the sources for what is new. */
  readonly refresh: Arguments;
  install(names: readonly string[]): Arguments;
  remove(names: readonly string[]): Arguments;
  /** @param names All packages if empty. */
  upgrade(names: readonly string[]): Arguments;
  /** Exit statuses besides 0 that mean success. */
  readonly goodStatuses: readonly number[];
  /** Whether the guest needs a reboot; `undefined` where it does not tell. */
  isRebootNeeded(root: Root): Promise<boolean | undefined>;
}

/** What the managers and the questions about them may run. */
export const PACKAGE_PROGRAMS = [
  "apt-get",
  "zypper",
  "dnf",
  "apk",
  "dpkg-query",
  "needs-restarting",
  "cat",
] as const;

/**
 * Debian's. Without `Pattern-Only` a name that no package has is a regular expression. A lock that
 * is held is an error at once: that is the default of `DPkg::Lock::Timeout` and stated for sites
 * that have another.
 */
const APT_OPTIONS = [
  "--assume-yes",
  "--quiet",
  ...[
    "Dpkg::Options::=--force-confdef",
    "Dpkg::Options::=--force-confold",
    "Dpkg::Use-Pty=0",
    "DPkg::Lock::Timeout=0",
    "APT::Cmd::Pattern-Only=true",
  ].flatMap((option) => ["-o", option]),
];

const APT: PackageManager = {
  program: "apt-get",
  env: {
    DEBIAN_FRONTEND: "noninteractive",
    APT_LISTCHANGES_FRONTEND: "none",
    // needrestart would restart services by itself, the agent among them.
    NEEDRESTART_MODE: "l",
    UCF_FORCE_CONFFOLD: "1",
  },
  refresh: [...APT_OPTIONS, "update"],
  install: (names) => [...APT_OPTIONS, "install", "--", ...names],
  remove: (names) => [...APT_OPTIONS, "remove", "--", ...names],
  upgrade: (names) =>
    names.length === 0
      ? [...APT_OPTIONS, "--with-new-pkgs", "upgrade"]
      : [...APT_OPTIONS, "--only-upgrade", "install", "--", ...names],
  goodStatuses: [],
  isRebootNeeded: async (root) => (await root.run("cat", ["/run/reboot-required"])).code === 0,
};

/** ZYPPER_EXIT_INF_REBOOT_NEEDED and ZYPPER_EXIT_INF_RESTART_NEEDED of zypper(8): done. */
const ZYPPER_REBOOT = 102;
const ZYPPER_RESTART = 103;

const ZYPPER: PackageManager = {
  program: "zypper",
  env: {},
  refresh: ["--non-interactive", "refresh"],
  install: (names) => ["--non-interactive", "install", "--name", ...names],
  remove: (names) => ["--non-interactive", "remove", "--name", ...names],
  upgrade: (names) => ["--non-interactive", "update", ...names],
  goodStatuses: [ZYPPER_REBOOT, ZYPPER_RESTART],
  isRebootNeeded: async (root) => {
    const { code } = await root.run("zypper", ["--non-interactive", "needs-rebooting"]);
    return code === ZYPPER_REBOOT ? true : code === 0 ? false : undefined;
  },
};

const DNF: PackageManager = {
  program: "dnf",
  env: {},
  refresh: ["--assumeyes", "makecache"],
  install: (names) => ["--assumeyes", "install", ...names],
  remove: (names) => ["--assumeyes", "remove", ...names],
  upgrade: (names) => ["--assumeyes", "upgrade", ...names],
  goodStatuses: [],
  isRebootNeeded: async (root) => {
    if (!root.has("needs-restarting")) return undefined;
    const { code } = await root.run("needs-restarting", ["--reboothint"]);
    return code === 1 ? true : code === 0 ? false : undefined;
  },
};

const APK: PackageManager = {
  program: "apk",
  env: {},
  refresh: ["update"],
  install: (names) => ["add", ...names],
  remove: (names) => ["del", ...names],
  upgrade: (names) => ["upgrade", ...names],
  goodStatuses: [],
  isRebootNeeded: () => Promise.resolve(undefined),
};

/**
 * The guest's package manager.
 *
 * @throws {RpcError} -32000 if there is none that is known.
 */
export function packageManager(root: Root): PackageManager {
  const manager = [APT, ZYPPER, DNF, APK].find(({ program }) => root.has(program));
  if (manager !== undefined) return manager;
  throw commandFailed("this guest has neither apt nor zypper nor dnf nor apk");
}

/**
 * Runs a manager's steps one after the other until one fails, and says so if the guest needs a
 * reboot then.
 */
export async function runSteps(
  root: Root,
  manager: PackageManager,
  steps: readonly Arguments[],
): Promise<{ exit_code: number }> {
  const { program, env, goodStatuses } = manager;
  for (const args of steps) {
    const exit_code = await root.runInBackground(program, args, { env });
    if (exit_code !== 0 && !goodStatuses.includes(exit_code)) return { exit_code };
  }
  if (await manager.isRebootNeeded(root)) {
    await root.tell("kvmmanager-agent: the guest needs a reboot to complete this");
  }
  return { exit_code: 0 };
}

/**
 * Makes sure that packages are installed before apt is told to remove them: for a name that ends in
 * `+` and that no package has, apt would install another.
 *
 * @throws {RpcError} -32002 for one that is not.
 */
export async function requireInstalled(
  root: Root,
  { program }: PackageManager,
  names: readonly string[],
): Promise<void> {
  if (program !== "apt-get") return;
  for (const name of names) {
    const args = ["--show", "--showformat=${db:Status-Status}\\n", "--", name];
    const { code, stdout } = await root.run("dpkg-query", args);
    if (code === 0 && /^(?!not-installed)./m.test(stdout)) continue;
    throw notFound(`package ${name} is not installed`, { package: name });
  }
}
