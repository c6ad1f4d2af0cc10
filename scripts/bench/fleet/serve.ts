/**
 * Many agents in one process: the real agent core, each on its own unix socket.
 *
 *     serve.ts DIRECTORY FIRST COUNT
 *
 * Prints "ready" when all are listening. Each line of standard input sets their behaviour:
 * `{"hanging": N}`: the first N answer nothing.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import * as z from "zod";
import { METHODS } from "../../../handlers/mod.ts";
import type { Connection } from "../../../lib/channel/channel.ts";
import { listenChannel } from "../../../lib/platform/linux/channel/listen.ts";
import { serveConnection } from "../../../lib/channel/serve_connection.ts";
import { defaultConfig } from "../../../lib/config/schema.ts";
import { CHANNEL_NAME } from "../../../host/channels.ts";
import { NO_LOG } from "../../../lib/log/logger.ts";
import { Executor } from "../../../lib/core/executor.ts";
import type { Method } from "../../../lib/core/method.ts";
import { Jobs } from "../../../lib/core/jobs/jobs.ts";
import { JsonRpcDialect } from "../../../lib/dialects/jsonrpc/dialect.ts";
import { linuxGuest } from "../../../lib/platform/linux/guest.ts";
import { printLine } from "../../../lib/base/terminal.ts";
import { VERSION } from "../../../lib/base/version.ts";

const Behaviour = z.strictObject({ hanging: z.int() });

const [directory = ".", first = "0", count = "0"] = Deno.args;
let behaviour: z.output<typeof Behaviour> = { hanging: 0 };
/** One guest for all of them: what is measured is the host. */
const guest = linuxGuest();
/** Facts that cost a guest much more than its host: those of the one guest are read once. */
const READ_ONCE = ["get_metrics", "get_disk_usage", "service_list", "time_get"];
const methods = METHODS.map((method) => READ_ONCE.includes(method.name) ? once(method) : method);

function once(method: Method): Method {
  let result: unknown;
  return {
    ...method,
    prepare: (params) => ({
      target: {},
      run: (context) => result ??= method.prepare(params).run(context),
    }),
  };
}

const isHanging = (index: number) => index < behaviour.hanging;

async function serveAgent(index: number): Promise<void> {
  const path = `${directory}/vm${Number(first) + index}.${CHANNEL_NAME}`;
  const channel = await listenChannel(path);
  const executor = new Executor({
    config: defaultConfig(),
    guest,
    jobs: new Jobs({ guest, log: NO_LOG }),
    log: NO_LOG,
    methods,
  });
  const dialect = new JsonRpcDialect({
    executor,
    ready: () => ({ version: VERSION, platform: guest.platform }),
  });
  const { signal } = new AbortController();
  void (async () => {
    for await (const connection of channel.connections()) {
      await serveConnection(behaving(connection, index), { dialect, log: NO_LOG, signal });
    }
  })();
}

/** The connection as an agent of this behaviour uses it. */
function behaving(connection: Connection, index: number): Connection {
  return {
    ...connection,
    read: async (buffer) => {
      const read = await connection.read(buffer);
      // Requests are read and never answered, as in a stuck guest.
      while (isHanging(index)) await new Promise((resolve) => setTimeout(resolve, 1000));
      return read;
    },
  };
}

for (let index = 0; index < Number(count); index++) await serveAgent(index);
printLine("ready");
const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(
  new TextLineStream(),
);
for await (const line of lines) behaviour = z.parse(Behaviour, JSON.parse(line));
Deno.exit(0);
