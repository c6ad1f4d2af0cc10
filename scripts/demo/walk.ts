/**
 * What the demo walks through: one idea a step.
 *
 * @module
 */

import * as z from "zod";
import { METHODS } from "../../handlers/mod.ts";
import { Host, UnexpectedAnswerError } from "./host.ts";
import { inMilliseconds, type Screen } from "./screen.ts";
import { Wire } from "./wire.ts";

const COMMANDS_AT_ONCE = 10;

/** Where the demo's agent is, and what it may touch. */
export interface Stage {
  readonly screen: Screen;
  /** The agent's unix socket. */
  readonly socket: string;
  /** The directory that it may read and write. */
  readonly shared: string;
  /** A symbolic link in it that leads to /etc/passwd. */
  readonly link: string;
}

/** The commands that the demo's agent lets through. */
export const COMMANDS = ["echo", "sleep", "tail"] as const;

/** Calls every method, as a host would. */
export async function walk(stage: Stage): Promise<void> {
  const used = new Set<string>();
  {
    await using host = await Host.connect(stage.socket, stage.screen, used);
    await lookAround(host, stage);
    await act(host, stage);
    await moveLargeFiles(host, stage);
    await beRefused(host, stage);
    await runIntoTime(host, stage);
    await doManyThings(host, stage);
    await discover(host, stage);
  }
  await cancel(stage, used);
  const missing = METHODS.map(({ name }) => name).filter((name) => !used.has(name));
  if (missing.length > 0) {
    throw new Error(`the demo does not show ${missing.join(", ")}: add it to scripts/demo/walk.ts`);
  }
}

const Anything = z.unknown();

async function lookAround(host: Host, { screen }: Stage): Promise<void> {
  screen.step("Is anybody there? One line in, one line out, no network");
  await host.call("ping", undefined, z.looseObject({ pong: z.literal(true) }));

  screen.step("What can it do? What its configuration lets through: no power control here");
  await host.call("get_agent_info", undefined, Anything);

  screen.step("What kind of machine is it?");
  await host.call("get_system_info", undefined, Anything);

  screen.step("Which addresses does it have? All interfaces, in CIDR form");
  await host.call("get_network_info", undefined, Anything);

  screen.step("How full are its disks? File systems that hold files, percent as in df");
  await host.call("get_disk_usage", undefined, Anything);
}

async function act(host: Host, { screen, shared }: Stage): Promise<void> {
  screen.step("Run a command: without a shell, $HOME and ; reach the program as they are");
  const echoed = { command: "echo", args: ["$HOME", "; rm -rf /"] };
  await host.call(
    "exec_command",
    echoed,
    z.looseObject({ stdout: z.literal("$HOME ; rm -rf /\n") }),
  );

  screen.step("Write a file: atomically, and missing directories are made");
  const path = `${shared}/reports/hello.txt`;
  const content = "Hello from the host!\n";
  await host.call(
    "file_write",
    { path, content, create_dirs: true, permissions: "0640" },
    Anything,
  );

  screen.step("Read it back: whole, or in pieces by offset and length");
  await host.call("file_read", { path }, z.looseObject({ content: z.literal(content) }));
  const piece = { path, offset: 6, length: 4 };
  await host.call("file_read", piece, z.looseObject({ content: z.literal("from") }));
}

async function moveLargeFiles(host: Host, { screen, shared }: Stage): Promise<void> {
  const directory = `${shared}/reports`;
  screen.step("What is there already? Of one file, and of a directory, page by page");
  await host.call("file_stat", { path: `${directory}/hello.txt` }, Anything);
  await host.call("file_list", { path: directory }, Anything);

  screen.step("Large files come in pieces, and get their name when their SHA-256 is right");
  const from = `${directory}/.large.part`;
  const content = "a piece of a large file\n";
  await host.call("file_write", { path: from, content, offset: 0 }, Anything);
  const { sha256 } = await host.call(
    "file_hash",
    { path: from },
    z.looseObject({ sha256: z.string() }),
  );
  const path = `${directory}/large`;
  const size_bytes = content.length;
  await host.call("file_commit", { path, from, size_bytes, sha256 }, Anything);
}

async function beRefused(host: Host, { screen, link }: Stage): Promise<void> {
  screen.step("A path outside the allowed ones is refused");
  await host.fails("file_read", { path: "/etc/shadow" }, "permissionDenied");

  screen.step("So is a symbolic link inside them (this one leads to /etc/passwd)");
  await host.fails("file_read", { path: link }, "permissionDenied");

  screen.step("So is a command that is not on the whitelist");
  await host.fails("exec_command", { command: "rm", args: ["-rf", "/"] }, "permissionDenied");

  screen.step("Power: an agent under development can never take its machine down");
  await host.fails("shutdown", { timeout_seconds: 60 }, "permissionDenied");
  await host.fails("reboot", { force: true }, "permissionDenied");

  screen.step("A method that does not exist: the answer knows which one was meant");
  await host.fails("get_system_inf", undefined, "methodNotFound");
}

async function runIntoTime(host: Host, { screen, shared }: Stage): Promise<void> {
  screen.step("A command that does not end is ended after 1 s; what it printed is not lost");
  const args = ["-f", `${shared}/reports/hello.txt`];
  await host.fails("exec_command", { command: "tail", args, timeout_seconds: 1 }, "timeout");
}

async function doManyThings(host: Host, { screen }: Stage): Promise<void> {
  screen.step("Ten commands of half a second at once, and a ping that does not wait");
  const params = { command: "sleep", args: ["0.5"] };
  const start = performance.now();
  screen.request("exec_command", params);
  screen.remark(`… ${COMMANDS_AT_ONCE} times, all sent before the first answer`);
  const running = Promise.all(
    Array.from({ length: COMMANDS_AT_ONCE }, () => host.measure("exec_command", params)),
  );
  // Whatever happens to the ping: a failure among the ten must not go unhandled.
  running.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 200));
  const { ms } = await host.measure("ping");
  screen.remark(`ping meanwhile: answered after ${inMilliseconds(ms)}`);
  const results = await running;
  const took = performance.now() - start;
  const good =
    results.filter(({ result }) =>
      z.safeParse(z.looseObject({ exit_code: z.literal(0) }), result).success
    ).length;
  screen.remark(`${good} of ${COMMANDS_AT_ONCE} done after ${inMilliseconds(took)}, not after 5 s`);
  if (good < COMMANDS_AT_ONCE) throw new UnexpectedAnswerError("not every command has ended well");
}

async function discover(host: Host, { screen }: Stage): Promise<void> {
  screen.step("The agent describes itself: an OpenRPC document, from the code that answers");
  screen.request("rpc.discover");
  const { result, ms } = await host.measure("rpc.discover");
  const Document = z.looseObject({
    openrpc: z.string(),
    methods: z.array(z.looseObject({ name: z.string() })),
  });
  const { openrpc, methods } = z.parse(Document, result);
  const kib = (JSON.stringify(result).length / 1024).toFixed(0);
  screen.result({ openrpc, methods: methods.map(({ name }) => name) }, ms);
  screen.remark(`shortened here: ${kib} KiB with the schemas of every parameter and result`);
}

/** Shown as bare lines: the one who cancels must know the id of the request, as a host does. */
async function cancel({ screen, socket }: Stage, used: Set<string>): Promise<void> {
  screen.step("The bare wire: a host connects, starts a command of a minute, and cancels it");
  await using wire = await Wire.connect(socket, screen);
  await wire.receive();
  const params = { command: "sleep", args: ["60"] };
  await wire.send({ jsonrpc: "2.0", method: "exec_command", params, id: "job-1" });
  await new Promise((resolve) => setTimeout(resolve, 100));
  await wire.send({ jsonrpc: "2.0", method: "rpc.cancel", params: { id: "job-1" }, id: "stop-1" });
  used.add("rpc.cancel");
  const answers = [await wire.receive(), await wire.receive()].join("\n");
  if (!answers.includes('"cancelled":true') || !answers.includes("cancelled by the host")) {
    throw new UnexpectedAnswerError("the command was not cancelled");
  }
}
