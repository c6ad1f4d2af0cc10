/**
 * Confines itself, or only judges, and tells what it can still do: JSON in, JSON out.
 *
 * @module
 */

import * as z from "zod";
import {
  confine,
  judgeConfinement,
  refusedByDeno,
} from "../../../../lib/platform/linux/confinement.ts";
import { parsePermissions } from "../../../../lib/platform/linux/grants.ts";
import { printLine } from "../../../../lib/base/terminal.ts";

const Task = z.strictObject({
  action: z.enum(["confine", "judge", "refused"]),
  wanted: z.unknown(),
  granted: z.optional(z.unknown()),
  read: z.array(z.string()),
  write: z.array(z.string()),
  sockets: z._default(z.array(z.string()), []),
});

const task = z.parse(Task, JSON.parse(Deno.args[0] ?? ""));
const wanted = parsePermissions(JSON.stringify(task.wanted));
const granted = task.granted === undefined
  ? undefined
  : parsePermissions(JSON.stringify(task.granted));
const act = task.action === "confine" ? confine : judgeConfinement;

/** "ok", or the name of the error. */
function outcome(run: () => unknown): string {
  try {
    run();
    return "ok";
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

const confinement = act(wanted, granted);
const isGranted = (path: string) =>
  Deno.permissions.querySync({ name: "net", host: `unix:${path}` }).state === "granted";
printLine(JSON.stringify({
  ...confinement,
  read: task.read.map((path) => outcome(() => Deno.readTextFileSync(path))),
  write: task.write.map((path) => outcome(() => Deno.writeTextFileSync(path, "written"))),
  ...(task.sockets.length > 0 ? { sockets: task.sockets.filter(isGranted) } : {}),
  ...(task.action === "refused" ? { refused: refusedByDeno(wanted) } : {}),
}));
