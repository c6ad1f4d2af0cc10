/**
 * kvmmanager-ctl(1): the command line's manual page, from its table of commands.
 *
 * @module
 */

import {
  type DocEntry,
  type DocPage,
  formatMessage,
  formatUsageTerm,
  getDocPageSync,
  type Message,
} from "@optique/core";
import { commandLineParser } from "../../host/ctl/read.ts";
import { VERSION } from "../../lib/base/version.ts";
import { roff } from "./config_manual.ts";

/** The page. */
export function ctlManual(): string {
  const parser = commandLineParser([]);
  const top = pageOf([]);
  const commands = top.sections.flatMap(({ entries }) => entries).flatMap(({ term }) =>
    term.type === "command" ? [term.name] : []
  );
  const general = top.sections.filter(({ title }) => title !== undefined);
  return [
    `.TH KVMMANAGER\\-CTL 1 "" "kvmmanager-host ${VERSION}" "User Commands"`,
    ".SH NAME",
    "kvmmanager\\-ctl \\- manages the guests of a host through kvmmanager\\-agent",
    ".SH SYNOPSIS",
    "\\fBkvmmanager\\-ctl\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]",
    ".SH DESCRIPTION",
    "Queries and manages virtual machines over their virtio-serial channels, without a network.",
    "It asks",
    ".BR kvmmanager\\-hostd (8)",
    "if that serves this host, and uses the channels itself otherwise.",
    ".SH COMMANDS",
    ...commands.flatMap((name) => describe(name, pageOf([name]))),
    ".TP",
    "\\fBcompletion\\fR \\fISHELL\\fR",
    "Prints the completion for bash, zsh or fish; the package has installed all three.",
    ".SH OPTIONS",
    ...general.flatMap(({ title = "", entries }) => [
      `.SS ${roff(title)}`,
      ...entries.flatMap(entryLines),
    ]),
    ".SS Help",
    ".TP",
    "\\fB\\-\\-help\\fR",
    "Prints the commands, or with a command its options.",
    ".TP",
    "\\fB\\-\\-version\\fR",
    "Prints the version.",
    ".SH EXIT STATUS",
    ".TP",
    "0",
    "Success.",
    ".TP",
    "1",
    "The agent refused, or the request failed in the guest.",
    ".TP",
    "2",
    "No agent, no answer, or another program uses the channel.",
    ".TP",
    "64",
    "The command line is wrong.",
    ".TP",
    "74",
    "A file of this host cannot be read or written.",
    ".TP",
    "130",
    "Interrupted.",
    ".PP",
    "\\fBexec\\fR ends with the program's own status.",
    ".SH FILES",
    ".TP",
    "\\fI/run/kvmmanager/hostd.sock\\fR",
    "The daemon's socket; members of the group kvmmanager may use it.",
    ".SH SEE ALSO",
    ".BR kvmmanager\\-hostd (8)",
    "",
  ].join("\n");

  function pageOf(words: readonly string[]): DocPage {
    const page = getDocPageSync(parser, words);
    if (page === undefined) throw new Error(`kvmmanager-ctl ${words.join(" ")} has no help`);
    return page;
  }

  /** A command with its own options, and those of its subcommands. */
  function describe(name: string, page: DocPage, level = ".SS"): string[] {
    const own = page.sections.filter(({ title }) => title === undefined)
      .flatMap(({ entries }) => entries);
    const parts = own.flatMap(({ term }) => term.type === "command" ? [term.name] : []);
    const options = own.filter(({ term }) => term.type !== "command");
    return [
      `${level} ${roff(name)}`,
      sentence(page.description ?? page.brief),
      ...options.filter(({ description }) => description !== undefined).flatMap(entryLines),
      ...examples(page.footer),
      ...parts.flatMap((part) =>
        describe(`${name} ${part}`, pageOf([...name.split(" "), part]), ".SS")
      ),
    ];
  }
}

function entryLines({ term, description }: DocEntry): string[] {
  const usage = formatUsageTerm(term, { colors: false, optionsSeparator: ", " });
  return [".TP", `\\fB${roff(usage)}\\fR`, sentence(description)];
}

/** The lines of a help text's examples, unwrapped. */
function examples(footer: Message | undefined): string[] {
  const [, ...commands] = plain(footer).split("\n");
  const shown = commands.map((line) => line.trim()).filter((line) => line !== "");
  return shown.length === 0 ? [] : [".PP", ".EX", ...shown.map(roff), ".EE"];
}

const plain = (message: Message | undefined) =>
  message === undefined ? "" : formatMessage(message, { colors: false, quotes: false });

/** A text in one line, ended like a sentence. */
function sentence(message: Message | undefined): string {
  const text = plain(message).replaceAll(/\s+/g, " ").trim();
  return roff(`${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.)]$/.test(text) ? "" : "."}`);
}
