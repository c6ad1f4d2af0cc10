/**
 * A real agent with real brokers behind its socket, as the service manager starts them.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { COMMAND_FAILED } from "../_error_codes.ts";
import {
  brokerCommand,
  Brokers,
  isRoot,
  LoopMount,
} from "../lib/platform/linux/privileged/_brokers.ts";
import { TestAgent } from "./_agent.ts";
import { errorOf, resultOf } from "./_host.ts";

/** Starts a broker for each connection to a socket. */
class BrokerSocket implements AsyncDisposable {
  readonly #listener: Deno.UnixListener;
  readonly #serving: Promise<void>;
  readonly #command: readonly string[];
  readonly #running = new Set<Promise<unknown>>();

  constructor(path: string, command: readonly string[]) {
    this.#listener = Deno.listen({ transport: "unix", path });
    this.#command = command;
    this.#serving = this.#serve();
  }

  async #serve(): Promise<void> {
    const [program = "", ...args] = this.#command;
    for await (const connection of this.#listener) {
      const child = new Deno.Command(program, {
        args,
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const asking = connection.readable.pipeTo(child.stdin).catch(() => {});
      const answering = child.stdout.pipeTo(connection.writable).catch(() => {});
      const ended = Promise.all([asking, answering, child.status]);
      this.#running.add(ended);
      void ended.finally(() => this.#running.delete(ended));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
    await Promise.all(this.#running);
  }
}

const Frozen = z.looseObject({ frozen: z.array(z.string()) });
const Thawed = z.looseObject({ ended_by: z.string() });

Deno.test({
  name: "an agent whose log and required audit are on a frozen disk answers, and thaws it",
  ignore: !isRoot,
  fn: async () => {
    await using mount = await LoopMount.make();
    await using brokers = await Brokers.start();
    const path = brokers.directory.at("broker.sock");
    const command = await brokerCommand([
      `--config=${brokers.configFile}`,
      `--directory=${brokers.directory.at("run")}`,
      `--hooks=${brokers.directory.at("hooks")}`,
    ]);
    await using _socket = new BrokerSocket(path, command);
    const logFile = `${mount.mountPoint}/agent.log`;
    const auditFile = `${mount.mountPoint}/audit.log`;
    {
      await using agent = await TestAgent.start({
        isSilent: true,
        args: () => ["--broker", `socket:${path}`],
        config: () => ({ log_file: logFile, audit_file: auditFile, audit: "required" }),
      });
      await using host = await agent.connect();
      const params = { ttl_seconds: 120, mount_points: [mount.mountPoint] };
      const { frozen } = resultOf(await host.request("fs_freeze", params), Frozen);
      assertEquals(frozen, [mount.mountPoint]);
      for (let count = 0; count < 20; count++) {
        resultOf(await host.request("ping"), z.looseObject({ pong: z.literal(true) }));
      }
      const refused = errorOf(await host.request("exec_command", { command: "true" }));
      assertEquals([refused.code, refused.data.frozen], [COMMAND_FAILED, true]);
      const thawed = resultOf(await host.request("fs_thaw", {}), Thawed);
      assertEquals(thawed.ended_by, "request");
      assertEquals(errorOf(await host.request("fs_freeze", { ttl_seconds: 0 })).code, -32602);
    }
    const log = await Deno.readTextFile(logFile);
    assertMatch(log, /"method":"fs_thaw"/);
    const audit = (await Deno.readTextFile(auditFile)).trim().split("\n");
    const events = audit.map((line) => JSON.parse(line))
      .map(({ event, what, outcome }) => [event, what, outcome]);
    assertEquals(events.slice(0, 4), [
      ["begin", "fs_freeze", undefined],
      ["end", "fs_freeze", "ok"],
      ["begin", "fs_thaw", undefined],
      ["end", "fs_thaw", "ok"],
    ]);
    assert(log.endsWith("\n"));
  },
});
