/**
 * The ways in which tools speak to qemu-ga, before a confined agent.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { TestAgent } from "./_agent.ts";
import { until, within } from "../_waiting.ts";

const start = () =>
  TestAgent.start({
    args: ({ directory }) => [
      ...["--dialect", "qga", "--qemu-ga-conf", `${directory}/qemu-ga.conf`],
      // Nothing is shut down here: the command is only listed.
      ...["--power", "systemd"],
    ],
  });

const Info = z.strictObject({
  version: z.string(),
  supported_commands: z.array(z.strictObject({
    name: z.string(),
    enabled: z.boolean(),
    "success-response": z.boolean(),
  })),
});
const Ended = z.looseObject({ exited: z.boolean() });

const latin1 = new TextDecoder("latin1");

/** Two answers, the first one behind the byte 0xFF, as Proxmox looks for them. */
const PROXMOX_ANSWERS = /\xff([^\n]+\})\r?\n([^\n]+\})\r?\n/;

let syncs = 0;

/**
 * One command as Proxmox sends it: a connection of its own, and a synchronization and the command in
 * one write.
 */
async function proxmox(socket: string, execute: string, parameters?: object): Promise<unknown> {
  const id = syncs += 1;
  const connection = await Deno.connect({ transport: "unix", path: socket });
  using _connection = connection;
  const sync = { execute: "guest-sync-delimited", arguments: { id } };
  const texts = [sync, { execute, arguments: parameters }].map((one) => JSON.stringify(one));
  await connection.write(new TextEncoder().encode(texts.join("\n")));
  let text = "";
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const count = await within(connection.read(buffer), `an answer to ${execute}`);
    assert(count !== null, text);
    text += latin1.decode(buffer.subarray(0, count));
    const [, first, second] = PROXMOX_ANSWERS.exec(text) ?? [];
    if (first === undefined || second === undefined) continue;
    assertEquals(JSON.parse(first), { return: id });
    const answer = JSON.parse(second);
    assert("return" in answer, second);
    return answer.return;
  }
}

/** Base64 as Perl's encode_base64 makes it: in lines. */
const inLines = (text: string) =>
  new TextEncoder().encode(text).toBase64().replace(/.{1,76}/g, "$&\n");

/** Polls a program until it has ended. */
async function endOf(socket: string, pid: unknown): Promise<z.output<typeof Ended>> {
  let status: z.output<typeof Ended> = { exited: false };
  await until(
    async () => {
      status = z.parse(Ended, await proxmox(socket, "guest-exec-status", { pid }));
      return status.exited;
    },
    () => `the end of ${pid}`,
  );
  return status;
}

Deno.test("Proxmox' way: a connection for each command, which is sent with its synchronization", async () => {
  const agent = await start();
  await using _agent = agent;
  const { socket, files } = agent.paths;
  assertEquals(await proxmox(socket, "guest-ping"), {});
  // What `qm guest exec --pass-stdin` does, and `qm guest passwd` with its base64.
  const text = "line of the input\n".repeat(50);
  const { pid } = Object(
    await proxmox(socket, "guest-exec", {
      path: "cat",
      arg: [],
      "capture-output": true,
      "input-data": inLines(text),
    }),
  );
  assertEquals(await endOf(socket, pid), {
    exited: true,
    exitcode: 0,
    "out-data": new TextEncoder().encode(text).toBase64(),
    "out-truncated": false,
  });
  // file-write and file-read of its API.
  const path = `${files}/proxmox`;
  const writing = await proxmox(socket, "guest-file-open", { path, mode: "wb" });
  const content = { handle: writing, "buf-b64": inLines(text) };
  assertEquals(await proxmox(socket, "guest-file-write", content), {
    count: text.length,
    eof: false,
  });
  await proxmox(socket, "guest-file-close", { handle: writing });
  const reading = await proxmox(socket, "guest-file-open", { path, mode: "rb" });
  let read = "";
  for (let isOver = false; !isOver;) {
    const piece = Object(
      await proxmox(socket, "guest-file-read", { handle: reading, count: 1_048_576 }),
    );
    read += latin1.decode(Uint8Array.fromBase64(piece["buf-b64"]));
    isOver = piece.eof;
  }
  assertEquals(read, text);
  await proxmox(socket, "guest-file-close", { handle: reading });
});

Deno.test("KubeVirt's way: what it requires is on, and its polls are answered", async () => {
  const agent = await start();
  await using _agent = agent;
  const { socket } = agent.paths;
  const info = z.parse(Info, await proxmox(socket, "guest-info"));
  const isOn = new Map(info.supported_commands.map(({ name, enabled }) => [name, enabled]));
  const required = [
    ...["guest-ping", "guest-get-time", "guest-info", "guest-shutdown"],
    ...["guest-network-get-interfaces", "guest-get-fsinfo", "guest-get-host-name"],
    ...["guest-get-users", "guest-get-timezone", "guest-get-osinfo"],
    // To add SSH keys.
    ...["guest-exec", "guest-exec-status", "guest-file-open", "guest-file-close"],
    ...["guest-file-read", "guest-file-write"],
  ];
  assertEquals(required.filter((name) => isOn.get(name) !== true), []);
  const polled = [
    ...["guest-info", "guest-network-get-interfaces", "guest-get-osinfo", "guest-get-host-name"],
    ...["guest-get-timezone", "guest-get-users", "guest-get-fsinfo", "guest-fsfreeze-status"],
    ...["guest-get-load", "guest-get-cpustats", "guest-get-diskstats", "guest-get-vcpus"],
  ];
  for (const command of polled) assert(await proxmox(socket, command) !== undefined, command);
  assertEquals(await proxmox(socket, "guest-fsfreeze-status"), "thawed");
});

Deno.test("Ansible's way: whole objects of guest-info are looked for", async () => {
  const agent = await start();
  await using _agent = agent;
  const { supported_commands } = z.parse(Info, await proxmox(agent.paths.socket, "guest-info"));
  const texts = supported_commands.map((one) => JSON.stringify(Object.entries(one).sort()));
  for (
    const name of [
      ...["guest-exec", "guest-exec-status", "guest-file-close", "guest-file-open"],
      ...["guest-file-read", "guest-file-write"],
    ]
  ) {
    const wanted = Object.entries({ enabled: true, name, "success-response": true }).sort();
    assert(texts.includes(JSON.stringify(wanted)), name);
  }
});

Deno.test("Ansible's way: a file is put and fetched in pieces, and what runs it is polled at once", async () => {
  const agent = await start();
  await using _agent = agent;
  const { socket, files } = agent.paths;
  const path = `${files}/module.sh`;
  const script = `printf %s "$1"; echo no >&2; exit 3\n# ${"ä".repeat(40_000)}\n`;
  const bytes = new TextEncoder().encode(script);
  /** As large as the pieces of its connection plugins. */
  const piece = 65_536;

  const writing = await proxmox(socket, "guest-file-open", { path, mode: "wb+" });
  for (let at = 0; at < bytes.byteLength; at += piece) {
    const content = bytes.subarray(at, at + piece).toBase64();
    await proxmox(socket, "guest-file-write", { handle: writing, "buf-b64": content });
  }
  await proxmox(socket, "guest-file-close", { handle: writing });
  const { pid } = Object(
    await proxmox(socket, "guest-exec", {
      path: "/bin/sh",
      arg: [path, "a b"],
      "capture-output": true,
    }),
  );
  const { exitcode, "out-data": output, "err-data": problem } = await endOf(socket, pid);
  assertEquals([exitcode, output, problem], [3, btoa("a b"), btoa("no\n")]);

  const reading = await proxmox(socket, "guest-file-open", { path, mode: "r" });
  let fetched = "";
  for (let isOver = false; !isOver;) {
    const read = Object(
      await proxmox(socket, "guest-file-read", { handle: reading, count: piece }),
    );
    fetched += latin1.decode(Uint8Array.fromBase64(read["buf-b64"]));
    isOver = read.eof;
  }
  assertEquals(fetched.length, bytes.byteLength);
  assertEquals(fetched, latin1.decode(bytes));
  await proxmox(socket, "guest-file-close", { handle: reading });
});
