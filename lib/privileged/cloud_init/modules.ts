/**
 * The modules of cloud-init that a `#cloud-config` document needs.
 *
 * @module
 */

import { invalidParams } from "../../base/errors.ts";
import type { CloudConfig } from "./cloud_config.ts";

/** Runs only for files that say so: each module takes seconds. */
const DEFERRED = "write_files_deferred";

/**
 * Modules and the top-level keys that they act on, in the order in which cloud-init's stages run
 * them (`cloud.cfg`; the keys are those of its module reference). `runcmd` is not among them: see
 * `cloud_init_apply.ts`.
 */
const MODULES: readonly (readonly [module: string, keys: readonly string[]])[] = [
  ["seed_random", ["random_seed"]],
  ["bootcmd", ["bootcmd"]],
  ["write_files", ["write_files"]],
  ["growpart", ["growpart"]],
  ["resizefs", ["resize_rootfs"]],
  ["disk_setup", ["disk_setup", "fs_setup", "device_aliases"]],
  ["mounts", ["mounts", "mount_default_fields", "swap"]],
  ["set_hostname", ["hostname", "fqdn", "prefer_fqdn_over_hostname"]],
  ["update_etc_hosts", ["manage_etc_hosts"]],
  ["resolv_conf", ["manage_resolv_conf", "resolv_conf"]],
  ["ca_certs", ["ca_certs", "ca-certs"]],
  ["rsyslog", ["rsyslog"]],
  ["users_groups", ["groups", "user", "users"]],
  ["ssh", [
    ...["ssh_keys", "ssh_authorized_keys", "ssh_deletekeys", "ssh_genkeytypes", "disable_root"],
    ...["disable_root_opts", "allow_public_ssh_keys", "ssh_quiet_keygen", "ssh_publish_hostkeys"],
  ]],
  ["wireguard", ["wireguard"]],
  ["snap", ["snap"]],
  ["ssh_import_id", ["ssh_import_id"]],
  ["keyboard", ["keyboard"]],
  ["locale", ["locale", "locale_configfile"]],
  ["set_passwords", ["ssh_pwauth", "chpasswd", "password"]],
  ["rh_subscription", ["rh_subscription"]],
  ["spacewalk", ["spacewalk"]],
  ["yum_add_repo", ["yum_repo_dir", "yum_repos"]],
  ["zypper_add_repo", ["zypper"]],
  ["grub_dpkg", ["grub_dpkg", "grub-dpkg"]],
  ["apt_pipelining", ["apt_pipelining"]],
  ["apt_configure", ["apt"]],
  ["apk_configure", ["apk_repos"]],
  ["ubuntu_pro", ["ubuntu_pro"]],
  ["ubuntu_advantage", ["ubuntu_advantage"]],
  ["ntp", ["ntp"]],
  ["timezone", ["timezone"]],
  ["disable_ec2_metadata", ["disable_ec2_metadata"]],
  ["byobu", ["byobu_by_default"]],
  ["package_update_upgrade_install", [
    ...["packages", "package_update", "package_upgrade", "package_reboot_if_required"],
    ...["apt_update", "apt_upgrade", "apt_reboot_if_required"],
  ]],
  ["fan", ["fan"]],
  ["landscape", ["landscape"]],
  ["lxd", ["lxd"]],
  ["ubuntu_drivers", ["drivers"]],
  [DEFERRED, ["write_files"]],
  ["puppet", ["puppet"]],
  ["chef", ["chef"]],
  ["ansible", ["ansible"]],
  ["mcollective", ["mcollective"]],
  ["salt_minion", ["salt_minion"]],
  ["phone_home", ["phone_home"]],
  ["final_message", ["final_message"]],
];

/** Keys that modules read and that start none themselves. */
const SETTINGS: readonly string[] = [
  "runcmd",
  "merge_how",
  "merge_type",
  "output",
  "preserve_hostname",
];

const isKnown = (key: string): boolean =>
  SETTINGS.includes(key) || MODULES.some(([, keys]) => keys.includes(key));

/**
 * The modules that a document needs, in order.
 *
 * @throws {RpcError} -32602 for a key that no module of the list acts on.
 */
export function modulesFor(config: CloudConfig): string[] {
  const unknown = Object.keys(config).filter((key) => !isKnown(key));
  if (unknown.length > 0) {
    throw invalidParams(
      `content has keys that cannot be applied to a running guest: ${unknown.join(", ")}`,
      { params: ["content"], keys: unknown },
    );
  }
  return MODULES.filter(([, keys]) => keys.some((key) => Object.hasOwn(config, key)))
    .map(([module]) => module)
    .filter((module) => module !== DEFERRED || hasDeferredFiles(config.write_files));
}

const hasDeferredFiles = (files: unknown): boolean =>
  Array.isArray(files) &&
  files.some((file) => typeof file === "object" && file !== null && file.defer === true);
