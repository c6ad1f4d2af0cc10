/**
 * The steps of the demo, one idea each.
 *
 * @module
 */

import * as z from "zod";
import { METHODS } from "../../handlers/mod.ts";
import { ERRORS } from "../../lib/base/errors.ts";
import { sendCommand } from "../../lib/platform/linux/monitor_client.ts";
import { Host, UnexpectedAnswerError } from "./host.ts";
import { inMilliseconds, type Screen } from "./screen.ts";
import { Wire } from "./wire.ts";

const COMMANDS_AT_ONCE = 10;

/** The agent's socket, and the paths the steps use. */
export interface Stage {
  readonly screen: Screen;
  /** The agent's unix socket. */
  readonly socket: string;
  /** The directory the agent may read and write. */
  readonly shared: string;
  /** A symbolic link in that directory, pointing to /etc/passwd. */
  readonly link: string;
  /** The socket for programs of the guest. */
  readonly monitor: string;
}

/** The commands on the whitelist of the demo's agent. */
export const COMMANDS = ["echo", "sleep", "tail"] as const;

/**
 * Calls every method as a host would.
 *
 * @throws {UnexpectedAnswerError} when the agent answers differently from what a step announces.
 */
export async function walk(stage: Stage): Promise<void> {
  const used = new Set<string>();
  // No host is connected yet.
  await sendCommand(stage.monitor, {
    Name: "agent.SendEvent",
    Event: "backup.done",
    Data: { files: 3 },
  });
  {
    await using host = await Host.connect(stage.socket, stage.screen, used);
    await lookAround(host, stage);
    await controlProcesses(host, stage);
    await seeTheSystem(host, stage);
    await act(host, stage);
    await moveLargeFiles(host, stage);
    await beRefused(host, stage);
    await runIntoTime(host, stage);
    await doManyThings(host, stage);
    await followLog(host, stage);
    await readEvents(host, stage);
    await discover(host, stage);
  }
  await cancel(stage, used);
  await outliveTheHost(stage, used);
  const missing = METHODS.map(({ name }) => name).filter((name) => !used.has(name));
  if (missing.length > 0) {
    throw new Error(`the demo does not show ${missing.join(", ")}: add it to scripts/demo/walk.ts`);
  }
}

const Anything = z.unknown();

async function lookAround(host: Host, { screen }: Stage): Promise<void> {
  screen.step("Is the agent alive? One line out, one line back, no network");
  await host.call("ping", undefined, z.looseObject({ pong: z.literal(true) }));

  screen.step("What can it do? What its configuration allows; power control is off here");
  await host.call("get_agent_info", undefined, Anything);

  screen.step("Which system does it run?");
  await host.call("get_system_info", undefined, Anything);

  screen.step("Which addresses does it have? Every interface, in CIDR notation");
  await host.call("get_network_info", undefined, Anything);

  screen.step("How full are its disks? Percentages as df computes them");
  await host.call("get_disk_usage", undefined, Anything);

  screen.step("Is its clock right? The call's own round trip gives the offset and its uncertainty");
  await host.call("time_get", undefined, Anything);

  screen.step("What is it doing? Processors, memory, pressure, disks and network in one call");
  screen.request("get_metrics");
  const { result, ms } = await host.measure("get_metrics");
  const { load_average, memory, network } = z.parse(
    z.looseObject({
      load_average: z.array(z.number()),
      memory: z.looseObject({ available_bytes: z.number(), swap_free_bytes: z.number() }),
      network: z.array(z.unknown()),
    }),
    result,
  );
  const { available_bytes, swap_free_bytes } = memory;
  screen.result({ load_average, memory: { available_bytes, swap_free_bytes }, network }, ms);
  screen.remark("abridged: counters of every processor and disk, faults, swapping, pressure");
}

async function controlProcesses(host: Host, { screen }: Stage): Promise<void> {
  screen.step("Who uses the most memory? Command lines stay hidden: they may hold secrets");
  const { processes } = await host.call(
    "process_list",
    { sort: "memory", limit: 1 },
    z.looseObject({ processes: z.array(z.looseObject({ pid: z.int(), start_ticks: z.int() })) }),
  );
  screen.step("A signal goes to one process for certain: its number and its start must match");
  const { pid = 1, start_ticks = 0 } = processes[0] ?? {};
  await host.fails("process_signal", { pid, start_ticks: start_ticks + 1 }, "notFound");
}

async function seeTheSystem(host: Host, { screen }: Stage): Promise<void> {
  screen.step("Who has an account? No password is ever returned");
  await host.call("user_list", { system: true, limit: 1 }, Anything);

  screen.step("What is installed? package_updates would say what could be updated");
  await host.attempt("package_list", { limit: 2 });
  // Finding the updates takes apt seconds.
  await host.fails("package_updates", { limit: 0 }, "invalidParams");

  screen.step("Services and cloud-init; a machine without them says what is missing");
  await host.attempt("service_list", { limit: 1 });
  await host.attempt("service_status", { name: "dbus" });
  await host.attempt("cloud_init_status", undefined);
}

async function act(host: Host, { screen, shared }: Stage): Promise<void> {
  screen.step("Run a command: no shell, so $HOME and ; reach the program unchanged");
  const echoed = { command: "echo", args: ["$HOME", "; rm -rf /"] };
  await host.call(
    "exec_command",
    echoed,
    z.looseObject({ stdout: z.literal("$HOME ; rm -rf /\n") }),
  );

  screen.step("Write a file: atomically, creating missing directories");
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
  screen.step("Inspect a file, and list a directory page by page");
  await host.call("file_stat", { path: `${directory}/hello.txt` }, Anything);
  await host.call("file_list", { path: directory }, Anything);

  screen.step("Upload a large file in pieces; it gets its name once its SHA-256 matches");
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

  screen.step("Tidy up: rename, make directories, remove them; no link is ever followed");
  const archive = `${shared}/archive/2026`;
  await host.call("directory_create", { path: archive, create_dirs: true }, Anything);
  await host.call("file_rename", { path, to: `${archive}/large` }, Anything);
  await host.call("file_remove", { path: `${archive}/large` }, Anything);
  await host.call("directory_remove", { path: `${shared}/archive`, recursive: true }, Anything);
}

async function followLog(host: Host, { screen, shared }: Stage): Promise<void> {
  const path = `${shared}/app.log`;
  await Deno.writeTextFile(path, "12:00:01 started\n");
  screen.step("Which logs are there? What does one say? The cursor tells where to go on");
  await host.call("log_list", undefined, Anything);
  const Read = z.looseObject({ cursor: z.string() });
  const { cursor } = await host.call("log_read", { path, lines: 10 }, Read);

  screen.step("The log is rotated in between: what its files hold is read, each line once");
  await Deno.writeTextFile(path, "12:00:02 the last line of the old file\n", { append: true });
  await Deno.rename(path, `${path}.1`);
  await Deno.writeTextFile(path, "12:00:03 the first line of the new file\n");
  screen.remark("app.log became app.log.1; a waiting read answers when there is something to tell");
  const old = await host.call("log_read", { path, cursor, wait_seconds: 10 }, Read);
  await host.call(
    "log_read",
    { path, cursor: old.cursor, wait_seconds: 10 },
    z.looseObject({ lines: z.tuple([z.literal("12:00:03 the first line of the new file")]) }),
  );
}

async function readEvents(host: Host, { screen }: Stage): Promise<void> {
  screen.step("What happened while nobody listened? A program of the guest had sent an event");
  await host.call(
    "events_read",
    { types: ["program"] },
    z.looseObject({ events: z.tuple([z.looseObject({ event: z.literal("backup.done") })]) }),
  );
}

async function beRefused(host: Host, { screen, link }: Stage): Promise<void> {
  screen.step("What would happen, and which rule decides? Nothing is done");
  const params = { path: "/etc/shadow" };
  await host.call("policy_explain", { method: "file_read", params }, Anything);

  screen.step("A path outside the allowed directories is refused");
  await host.fails("file_read", { path: "/etc/shadow" }, "permissionDenied");

  screen.step("So is a symbolic link inside them (this one points to /etc/passwd)");
  await host.fails("file_read", { path: link }, "permissionDenied");

  screen.step("So is a command that is not on the whitelist");
  await host.fails("exec_command", { command: "rm", args: ["-rf", "/"] }, "permissionDenied");

  screen.step("Shutdown and reboot are refused: a demo must not turn your machine off");
  await host.fails("shutdown", { timeout_seconds: 60 }, "permissionDenied");
  await host.fails("reboot", { force: true }, "permissionDenied");

  screen.step("So is what needs root: a broker does that, and this agent has none");
  await host.fails("fs_freeze", { ttl_seconds: 60 }, "commandFailed");
  await host.fails("fs_freeze_status", {}, "commandFailed");
  await host.fails("fs_thaw", {}, "commandFailed");
  await host.fails("fs_trim", { mount_points: ["/"] }, "commandFailed");
  await host.fails("time_set", {}, "commandFailed");

  screen.step("Users, keys and services are refused until the guest's root turns their groups on");
  const user = "deploy";
  await host.fails("user_create", { user }, "permissionDenied");
  await host.fails("user_set_password", { user, password: "secret" }, "permissionDenied");
  await host.fails("user_set_groups", { user, groups: ["sudo"] }, "permissionDenied");
  await host.fails("user_delete", { user }, "permissionDenied");
  await host.fails("ssh_keys_add", { user, keys: ["ssh-ed25519 AAAA"] }, "permissionDenied");
  await host.fails("ssh_keys_list", { user }, "permissionDenied");
  await host.fails("ssh_keys_remove", { user }, "permissionDenied");
  await host.fails("service_control", { unit: "ssh", action: "stop" }, "permissionDenied");

  screen.step("Packages and cloud-init too; where they are on, each is a job with output");
  const change = { job_id: "change-1", packages: ["nginx"] };
  await host.fails("package_install", change, "permissionDenied");
  await host.fails("package_remove", change, "permissionDenied");
  await host.fails("package_upgrade", { job_id: "upgrade-1" }, "permissionDenied");
  const document = { job_id: "cloud-1", content: "#cloud-config\ntimezone: UTC\n" };
  await host.fails("cloud_init_apply", document, "permissionDenied");
  await host.fails("agent_update", {
    job_id: "update-1",
    path: "/tmp/kvmmanager/kvmmanager-agent_1.1.0_amd64.deb",
    sums: "",
    signature: `${"A".repeat(86)}==`,
  }, "permissionDenied");
  await host.fails("agent_update_status", {}, "permissionDenied");

  screen.step("A misspelled method name gets a suggestion");
  await host.fails("get_system_inf", undefined, "methodNotFound");
}

async function runIntoTime(host: Host, { screen, shared }: Stage): Promise<void> {
  screen.step("A command that never ends is killed after 1 s; its output so far is returned");
  const args = ["-f", `${shared}/reports/hello.txt`];
  await host.fails("exec_command", { command: "tail", args, timeout_seconds: 1 }, "timeout");
}

async function doManyThings(host: Host, { screen }: Stage): Promise<void> {
  screen.step("Ten half-second commands at once, and a ping that does not wait for them");
  const params = { command: "sleep", args: ["0.5"] };
  const start = performance.now();
  screen.request("exec_command", params);
  screen.remark(`… ${COMMANDS_AT_ONCE} times, all sent before the first answer`);
  const running = Promise.all(
    Array.from({ length: COMMANDS_AT_ONCE }, () => host.measure("exec_command", params)),
  );
  // If the ping fails first, a failure among the ten must not go unhandled.
  running.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 200));
  const { ms } = await host.measure("ping");
  screen.remark(`ping while they run: answered after ${inMilliseconds(ms)}`);
  const results = await running;
  const took = performance.now() - start;
  const good =
    results.filter(({ result }) =>
      z.safeParse(z.looseObject({ exit_code: z.literal(0) }), result).success
    ).length;
  screen.remark(
    `${good} of ${COMMANDS_AT_ONCE} finished after ${
      inMilliseconds(took)
    }, instead of 5 s one by one`,
  );
  if (good < COMMANDS_AT_ONCE) throw new UnexpectedAnswerError("not every command succeeded");
}

async function discover(host: Host, { screen }: Stage): Promise<void> {
  screen.step("The agent describes itself: an OpenRPC document generated from its code");
  screen.request("rpc.discover");
  const { result, ms } = await host.measure("rpc.discover");
  const Document = z.looseObject({
    openrpc: z.string(),
    methods: z.array(z.looseObject({ name: z.string() })),
    "x-next": z.optional(z.string()),
  });
  const { openrpc, methods, "x-next": next } = z.parse(Document, result);
  const kib = (JSON.stringify(result).length / 1024).toFixed(0);
  screen.result({ openrpc, methods: methods.map(({ name }) => name), "x-next": next }, ms);
  screen.remark(
    `abridged: this part has ${kib} KiB, with the schema of every parameter and result; the next ` +
      `one starts at "x-next"`,
  );
}

/** Shown as raw lines, since a host cancels a request by the id it chose. */
async function cancel({ screen, socket }: Stage, used: Set<string>): Promise<void> {
  screen.step("The raw protocol: a host connects, starts a one-minute command and cancels it");
  await using wire = await Wire.connect(socket, screen);
  await wire.receive();
  const params = { command: "sleep", args: ["60"] };
  await wire.send({ jsonrpc: "2.0", method: "exec_command", params, id: "job-1" });
  await new Promise((resolve) => setTimeout(resolve, 100));
  await wire.send({ jsonrpc: "2.0", method: "rpc.cancel", params: { id: "job-1" }, id: "stop-1" });
  used.add("rpc.cancel");
  const answers = [await wire.receive(), await wire.receive()];
  const isCancelled = answers.some((line) => line.includes('"cancelled":true'));
  const hasFailed = answers.some((line) => line.includes(`"code":${ERRORS.commandFailed.code}`));
  if (!isCancelled || !hasFailed) {
    throw new UnexpectedAnswerError("the command was not cancelled");
  }
}

/** Two hosts, one after the other, and a job that runs all the time. */
async function outliveTheHost(stage: Stage, used: Set<string>): Promise<void> {
  const { screen, socket, shared } = stage;
  const job_id = "follow-1";
  const Output = z.looseObject({
    output: z.tuple([z.looseObject({ data: z.string() })]),
    cursor: z.string(),
  });
  let cursor: string;
  {
    await using host = await Host.connect(socket, screen, used);
    screen.step("A job runs in the background; a read waits for its output");
    const args = ["-n", "+1", "-f", `${shared}/reports/hello.txt`];
    await host.call(
      "job_start",
      { job_id, command: "tail", args, keep_input_open: true },
      Anything,
    );
    ({ cursor } = await host.call("job_read", { job_id, wait_seconds: 10 }, Output));
    await host.call("job_write", { job_id, data: "input, which tail ignores\n" }, Anything);
  }
  await using host = await Host.connect(socket, screen, used);
  screen.step("The host has left and another one came: the job is still running, nothing is lost");
  await host.call("job_list", {}, z.looseObject({ jobs: z.tuple([z.looseObject({})]) }));
  const path = `${shared}/reports/hello.txt`;
  await host.call("file_write", { path, content: "More.\n", offset: 21 }, Anything);
  const more = await host.call("job_read", { job_id, cursor, wait_seconds: 10 }, Output);
  if (more.output[0].data !== "More.\n") {
    throw new UnexpectedAnswerError("the job's output does not go on where it was left");
  }
  await host.fails("job_resize", { job_id, rows: 50, cols: 132 }, "commandFailed");
  await host.call("job_signal", { job_id, signal: "SIGTERM" }, Anything);
  const Ended = z.looseObject({ state: z.literal("ended"), exit_code: z.literal(143) });
  await host.call("job_status", { job_id, wait_seconds: 10 }, Ended);
  await host.call("job_forget", { job_id }, Anything);
}
