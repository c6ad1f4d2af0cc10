/**
 * kvmmanager-agent.json(5): the configuration's manual page, from its schema.
 *
 * @module
 */

import { DEFAULT_CONFIG_PATH } from "../../lib/config/load.ts";
import { VERSION } from "../../lib/base/version.ts";
import installed from "../../install/config.json" with { type: "json" };
import { configurationKeys } from "../docs/configuration.ts";

/** Text as roff(7) prints it literally; Markdown's code marks become bold. */
export function roff(text: string): string {
  const literal = text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll('"', "\\(dq")
    .replaceAll("'", "\\(aq");
  const plain = literal.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
  const marked = plain.replace(/`([^`]*)`/g, "\\fB$1\\fR");
  return marked.startsWith(".") ? `\\&${marked}` : marked;
}

/** The page. */
export function configurationManual(): string {
  const keys = configurationKeys().flatMap((key) => [
    ".TP",
    `\\fB${roff(key.name)}\\fR (${roff(key.type)})`,
    `${roff(key.meaning)}.`,
    // A space in a default must not be broken or stretched.
    `Default: ${roff(JSON.stringify(key.defaultValue)).replaceAll(" ", "\\ ")}.`,
    ...(key.rules.length > 0 ? [`Rule: ${roff(key.rules.join("; "))}.`] : []),
    ...(key.unit === "" ? [] : [`Unit: ${roff(key.unit)}.`]),
  ]);
  return [
    `.TH KVMMANAGER\\-AGENT.JSON 5 "" "kvmmanager-agent ${VERSION}" "File Formats"`,
    ".SH NAME",
    "kvmmanager\\-agent.json \\- configuration of the KVM Manager guest agent",
    ".SH SYNOPSIS",
    `.I ${roff(DEFAULT_CONFIG_PATH)}`,
    ".SH DESCRIPTION",
    "One JSON object, without comments, in UTF\\-8.",
    "Every key is optional, and without the file all have their defaults.",
    "Everything that is wrong in it, unknown keys included, is reported at once,",
    "and the agent ends with status 78.",
    "A change takes effect when the agent gets SIGHUP, or with its next start:",
    ".PP",
    ".EX",
    "systemctl kill \\-\\-kill\\-who=main \\-\\-signal=HUP kvmmanager\\-agent",
    ".EE",
    ".PP",
    ".PP",
    "A dot in the names below stands for an object in the object:",
    "\\fBsecurity.max_file_size_mb\\fR is the member \\fBmax_file_size_mb\\fR of \\fBsecurity\\fR.",
    ".SH KEYS",
    ...keys,
    ".SH NOTES",
    "Symbolic links are never followed: an allowed path that leads through one lets nothing through.",
    `The package installs the file with ${roff("/usr/lib/os-release")} in the place of`,
    `${roff("/etc/os-release")}, which is a link on Debian.`,
    ".PP",
    "The command is built for the default paths, and Deno itself stops what is outside of them.",
    "With a configuration that goes further, the agent's own checks remain, and its log says so.",
    ".PP",
    "A larger",
    "\\fBmax_message_size_kb\\fR",
    "needs more memory than the service gives the agent: set",
    "\\fBAGENT_MEMORY_MAX\\fR",
    "in a drop\\-in of kvmmanager\\-agent\\-separate.service, see",
    ".BR kvmmanager\\-agent (8).",
    ".SH EXAMPLES",
    "What the package installs:",
    ".PP",
    ".EX",
    ...JSON.stringify(installed, null, 2).split("\n").map(roff),
    ".EE",
    ".PP",
    "What a file comes to:",
    ".PP",
    ".EX",
    "kvmmanager\\-agent check \\-\\-config FILE",
    ".EE",
    ".SH SEE ALSO",
    ".BR kvmmanager\\-agent (8)",
    "",
  ].join("\n");
}
