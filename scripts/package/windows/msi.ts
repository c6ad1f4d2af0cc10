/**
 * The MSI, made by wixl.
 *
 * The service's command line, its limits and the settings are written by the agent itself (`service
 * install`), so the zip and the MSI install the same. wixl does what an installer of Windows is good
 * at: files, the service's life, upgrades.
 *
 * @module
 */

import { VERSION } from "../../../lib/base/version.ts";
import { AGENT_SERVICE, QGA_SERVICE } from "../../../lib/platform/windows/service/identity.ts";
import { runTool } from "../../vm/tools.ts";
import { normalize } from "../product.ts";
import { BUNDLE, PROGRAM_FILES, RUN_FLAGS } from "./program.ts";
import { fixTimes } from "./summary.ts";
import type { WindowsBuild } from "./zip.ts";

/** What all versions have in common, so that a newer one replaces an older one. */
const UPGRADE_CODE = "7A3C1F4E-52B0-4D0B-9E6A-6B1B0C7D2E54";

/** The properties of msiexec, with the settings that they write. */
export const PROPERTIES: Readonly<Record<string, string>> = {
  ALLOW: "security.allow",
  ALLOWEDREADPATHS: "security.allowed_read_paths",
  ALLOWEDWRITEPATHS: "security.allowed_write_paths",
  AUDITFILE: "audit_file",
  CHANNELNAME: "channel_name",
  COMMANDWHITELIST: "security.command_whitelist",
  LOGFILE: "log_file",
  LOGLEVEL: "log_level",
  MONITORENABLED: "command_monitor.enabled",
};

/** Whether the service for the QEMU guest agent's language is wanted, or there already. */
const QGA_PROPERTY = "QEMUGA";

/**
 * Deferred actions are between InstallInitialize, 1500, and InstallFinalize, 6600; services are started
 * at 5900.
 */
const SEQUENCE = {
  removeOld: 1510,
  uninstall: 1890,
  configure: 5850,
  configureQga: 5860,
  startQga: 5910,
} as const;

/**
 * Packs a staged program.
 *
 * @param build `version` is for tests of upgrades.
 * @throws {ToolFailedError}
 */
export async function packMsi(build: WindowsBuild & { readonly version?: string }): Promise<void> {
  const { program, time, output, version = VERSION } = build;
  await normalize(program, time);
  const source = `${program}.wxs`;
  await Deno.writeTextFile(source, await document(version));
  await Deno.remove(output).catch(() => {});
  await runTool("wixl", ["-a", "x64", "-o", output, source], { cwd: program });
  const properties = [
    ...["WIX_DOWNGRADE_DETECTED", "WIX_UPGRADE_DETECTED"],
    ...[...Object.keys(PROPERTIES), QGA_PROPERTY],
  ];
  for (
    const query of [
      // With the end of an upgrade at the old version's removal, which an error undoes.
      `UPDATE \`InstallExecuteSequence\` SET \`Sequence\` = ${SEQUENCE.removeOld} ` +
      "WHERE `Action` = 'RemoveExistingProducts'",
      `UPDATE \`Property\` SET \`Value\` = '${properties.join(";")}' ` +
      "WHERE `Property` = 'SecureCustomProperties'",
    ]
  ) await runTool("msibuild", [output, "-q", query]);
  await fixTimes(output, time, await guid(`package ${version} ${time}`));
}

/** What wixl makes the MSI from. */
async function document(version: string): Promise<string> {
  const components = await Promise.all(PROGRAM_FILES.map(async (name) => {
    const id = idOf(name);
    return `<Component Id="${id}" Guid="${await guid(`component ${name}`)}" Win64="yes">
            <File Id="${id}" Name="${name}" Source="${name}" KeyPath="yes"/>
            ${name === "deno.exe" ? SERVICE : ""}
          </Component>`;
  }));
  const settings = Object.entries(PROPERTIES)
    // The semicolon keeps a final backslash from escaping the quotation mark.
    .map(([property, setting]) => `--set "${setting}=[${property}]${isList(setting) ? ";" : ""}"`);
  const configure = `service install ${settings.join(" ")}`;
  return `<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Product Id="${await guid(`product ${version}`)}" Name="KVMManager Guest Agent"
      UpgradeCode="${UPGRADE_CODE}" Language="1033" Version="${version}"
      Manufacturer="KVM Manager">
    <Package InstallerVersion="500" Compressed="yes" InstallScope="perMachine"
        Description="Guest agent for KVM virtual machines: deno.exe and the agent's bundle"/>
    <MajorUpgrade DowngradeErrorMessage="A newer version of the agent is installed."/>
    <Media Id="1" Cabinet="agent.cab" EmbedCab="yes"/>
    <Directory Id="TARGETDIR" Name="SourceDir">
      <Directory Id="ProgramFiles64Folder">
        <Directory Id="INSTALLDIR" Name="KVMManager">
          ${components.join("\n          ")}
        </Directory>
      </Directory>
    </Directory>
    <Property Id="${QGA_PROPERTY}">
      <RegistrySearch Id="FindQga" Root="HKLM" Type="raw" Name="DisplayName" Win64="yes"
          Key="SYSTEM\\CurrentControlSet\\Services\\${QGA_SERVICE.name}"/>
    </Property>
    ${action("Configure", "check", configure)}
    ${action("ConfigureQga", "check", "service install --dialect qga")}
    ${action("StartQga", "check", "service start --dialect qga")}
    ${action("Uninstall", "ignore", "service uninstall --remove-data")}
    <InstallExecuteSequence>
      <Custom Action="Uninstall" Sequence="${SEQUENCE.uninstall}">REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE</Custom>
      <Custom Action="Configure" Sequence="${SEQUENCE.configure}">NOT REMOVE</Custom>
      <Custom Action="ConfigureQga" Sequence="${SEQUENCE.configureQga}">${QGA_PROPERTY} AND NOT REMOVE</Custom>
      <Custom Action="StartQga" Sequence="${SEQUENCE.startQga}">${QGA_PROPERTY} AND NOT REMOVE</Custom>
    </InstallExecuteSequence>
    <Feature Id="Agent" Level="1">
      ${PROGRAM_FILES.map((name) => `<ComponentRef Id="${idOf(name)}"/>`).join("")}
    </Feature>
  </Product>
</Wix>
`;
}

/** What runs the installed agent as the system. */
const action = (id: string, onError: "check" | "ignore", args: string) =>
  `<CustomAction Id="${id}" FileKey="${idOf("deno.exe")}" Execute="deferred"
        Impersonate="no" Return="${onError}" ExeCommand="${xml(`${AGENT} ${args}`)}"/>`;

const AGENT = `${RUN_FLAGS.join(" ")} --no-prompt -A "[INSTALLDIR]${BUNDLE}"`;
/**
 * Replaced by the agent's own installation before the service is started. The other service is stopped
 * while files are replaced, and installed and removed by the agent alone.
 */
const SERVICE = `<ServiceInstall Id="Service" Name="${AGENT_SERVICE.name}"
                DisplayName="${AGENT_SERVICE.displayName}" Type="ownProcess" Start="auto"
                ErrorControl="normal" Arguments="--version" Vital="yes"/>
            <ServiceControl Id="Control" Name="${AGENT_SERVICE.name}" Start="install" Stop="both"
                Remove="uninstall" Wait="yes"/>
            <ServiceControl Id="ControlQga" Name="${QGA_SERVICE.name}" Stop="both" Wait="yes"/>`;

const idOf = (name: string) => name.replaceAll(/[^A-Za-z]/g, "_");
const isList = (setting: string) => /(?:_paths|_whitelist|\.allow)$/.test(setting);
const xml = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");

/** A GUID that is always the same for the same text, from its SHA-256. */
async function guid(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(`kvmmanager-agent ${text}`);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex().toUpperCase();
  // Version 8, made by a rule of one's own, and the variant of RFC 9562.
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${
    hash.slice(20, 32)
  }`;
}
