import { object } from "@optique/core";
import { UsageError } from "../../../lib/base/command_line.ts";
import { printLine } from "../../../lib/base/terminal.ts";
import { checkAgent, checkDomain, type Finding, notFoundFinding } from "../../doctor.ts";
import { CallError } from "../../errors.ts";
import { defineCommand, type Invocation } from "../command.ts";
import { NoDaemonError } from "../daemon.ts";
import { EXIT } from "../exit.ts";
import { printable, printableJson } from "../printable.ts";
import { targetOf } from "../target.ts";

/** `doctor`: why an agent does not answer, and what is wrong with one that does. */
export const doctor = defineCommand(
  {
    name: "doctor",
    brief: "Finds out why an agent does not answer, and what to do.",
    details: [
      "Checks libvirt's description of the VM (as root), the socket, its lock, the agent, its",
      "version, clock and disks. Exit status: 0 if nothing is wrong, else 1.",
    ],
    examples: ["doctor --domain vm1", "doctor --socket /run/vm1.sock --json"],
  },
  object({}),
  async (_values, invocation) => {
    const findings = await examine(invocation);
    if (invocation.json) printLine(printableJson(findings, 2));
    else for (const finding of findings) printLine(describe(finding));
    const isWrong = findings.some(({ verdict }) => verdict === "wrong");
    return isWrong ? EXIT.errorAnswer : EXIT.ok;
  },
);

async function examine(invocation: Invocation): Promise<Finding[]> {
  const { domain, fleet, signal, lockAs } = invocation;
  if (fleet !== undefined) {
    throw new UsageError(
      "doctor looks at libvirt's files and sockets: run it on the VM's host, without --fleet; " +
        "list --fleet shows what the hosts say of their VMs, and ping --fleet asks one",
    );
  }
  const ofDomain = domain === undefined ? [] : await checkDomain(domain);
  try {
    const channel = await targetOf(invocation);
    return [...ofDomain, ...await checkAgent(channel, { signal, lockAs })];
  } catch (error) {
    if (error instanceof NoDaemonError) return [...ofDomain, noDaemonFinding(error)];
    if (!(error instanceof CallError)) throw error;
    return [...ofDomain, notFoundFinding(error)];
  }
}

const noDaemonFinding = ({ message }: NoDaemonError): Finding => ({
  about: "daemon",
  verdict: "wrong",
  found: message,
  advice: "start kvmmanager-hostd there, or leave out --hostd",
});

function describe({ about, verdict, found, advice }: Finding): string {
  const line = `${verdict.padEnd(7)}  ${about}: ${printable(found)}`;
  return advice === undefined ? line : `${line}\n         → ${printable(advice)}`;
}
