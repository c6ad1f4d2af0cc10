/**
 * What an agent started by hand does, on a port of the test's choice:
 * `_keep_running.ts PORT RETRY_MS PROGRAM [ARGUMENT...]`.
 *
 * @module
 */

import { keepRunning } from "../../commands/supervise.ts";
import { Logger, STANDARD_ERROR } from "../../lib/log/logger.ts";

const [port = "", retryMs, ...command] = Deno.args;
const log = Logger.to(STANDARD_ERROR, "info");
const status = await keepRunning({ port, command, retryMs: Number(retryMs), log });
await log.flush();
Deno.exit(status);
