/**
 * kvmmanager-agent.json(5): the configuration's manual page, from its schema.
 *
 * @module
 */

import { DEFAULT_CONFIG_PATH } from "../../lib/config/load.ts";
import { VERSION } from "../../lib/base/version.ts";
import installed from "../../install/config.json" with { type: "json" };
import { configurationKeys } from "../docs/configuration.ts";

/** Text that roff(7) prints literally; Markdown's code marks become bold. */
export function roff(text: string): string {
  const literal = text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll('"', "\\(dq")
    .replaceAll("'", "\\(aq");
  // The package ships no Markdown to refer to.
  const plain = literal.replace(/ \(\[[^\]]*\]\([^)]*\.md[^)]*\)\)/g, "")
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
  const marked = plain.replace(/`([^`]*)`/g, "\\fB$1\\fR");
  return marked.startsWith(".") ? `\\&${marked}` : marked;
}

/** The page. */
export function configurationManual(): string {
  const keys = configurationKeys().flatMap((key) => [
    ".TP",
    `\\fB${roff(key.name)}\\fR (${roff(key.type)})`,
    `${roff(key.meaning)}.`,
    // Unbreakable: a space in a default must not be stretched or become a line break.
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
    "Every key is optional; without the file, all keys have their defaults.",
    "If anything in it is wrong, unknown keys included, the agent reports every problem",
    "and exits with status 78.",
    "A change takes effect at the next start of the agent, or when it receives SIGHUP:",
    ".PP",
    ".EX",
    "systemctl kill \\-\\-kill\\-who=main \\-\\-signal=HUP kvmmanager\\-agent",
    ".EE",
    ".PP",
    "A path or command that the running agent was not started with needs a restart.",
    ".PP",
    "A dot in the names below stands for an object in the object:",
    "\\fBsecurity.max_file_size_mb\\fR is the member \\fBmax_file_size_mb\\fR of \\fBsecurity\\fR.",
    ".SH KEYS",
    ...keys,
    ".SH NOTES",
    "The agent never follows symbolic links: an allowed path that leads through one allows nothing.",
    `The installed file has ${roff("/usr/lib/os-release")} instead of`,
    `${roff("/etc/os-release")}, which is a symbolic link on Debian.`,
    ".PP",
    "At each start the agent gets the runtime permissions that this file needs and no others.",
    ".PP",
    "A larger",
    "\\fBmax_message_size_kb\\fR",
    "needs more memory than the service gives the agent: set",
    "\\fBAGENT_MEMORY_MAX\\fR",
    "in a drop\\-in of kvmmanager\\-agent.service, see",
    ".BR kvmmanager\\-agent (8).",
    ".SH EXAMPLES",
    "The installed file:",
    ".PP",
    ".EX",
    ...JSON.stringify(installed, null, 2).split("\n").map(roff),
    ".EE",
    ".PP",
    "To check a file:",
    ".PP",
    ".EX",
    "kvmmanager\\-agent check \\-\\-config FILE",
    ".EE",
    ".SH SEE ALSO",
    ".BR kvmmanager\\-agent (8)",
    "",
  ].join("\n");
}
