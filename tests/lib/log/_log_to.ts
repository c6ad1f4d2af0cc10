/**
 * Does with a log on a file what the arguments say, one after the other: a process of its own
 * because a log keeps its file open to the end.
 *
 * @module
 */

import { Logger } from "../../../lib/log/logger.ts";

const [path = "", ...steps] = Deno.args;
const log = await Logger.open(path, "info");
for (const step of steps) {
  const [action, text = ""] = step.split("=");
  if (action === "log") log.info(text);
  else if (action === "flush") await log.flush();
  else if (action === "reopen") await log.reopen();
  else if (action === "move") await Deno.rename(path, text);
  else if (action === "lose") await Deno.remove(text, { recursive: true });
  else if (action === "reopen-while-logging") {
    const reopened = log.reopen();
    for (let i = 0; i < Number(text); i++) {
      log.info(`while ${i}`);
      await Promise.resolve();
    }
    await reopened;
  } else throw new Error(`no such step: ${step}`);
}
await log.flush();
// As the agent does: the time limit of an opened file would keep the process for seconds.
Deno.exit();
