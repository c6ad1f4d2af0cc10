/**
 * Confines itself, or only judges, and prints what it can still do: JSON in, JSON out.
 *
 * @module
 */

import * as z from "zod";
import { refusedByDeno } from "../../../../lib/platform/confinement.ts";
import { CONFINER, confineSupervisor } from "../../../../lib/platform/linux/confinement.ts";
import { parsePermissions } from "../../../../lib/platform/permissions.ts";
import { printLine } from "../../../../lib/base/terminal.ts";

const Task = z.strictObject({
  action: z.enum(["confine", "judge", "refused", "supervise"]),
  wanted: z.unknown(),
  granted: z.optional(z.unknown()),
  read: z.array(z.string()),
  write: z.array(z.string()),
  sockets: z._default(z.array(z.string()), []),
  logFile: z._default(z.nullable(z.string()), null),
  run: z._default(z.array(z.string()), []),
});

const task = z.parse(Task, JSON.parse(Deno.args[0] ?? ""));
const wanted = parsePermissions(JSON.stringify(task.wanted));
const granted = task.granted === undefined
  ? undefined
  : parsePermissions(JSON.stringify(task.granted));
const act = (...lists: Parameters<typeof CONFINER.judge>) =>
  task.action === "confine" ? CONFINER.confine(...lists) : CONFINER.judge(...lists);

/** "ok", or the name of the error. */
function outcome(run: () => unknown): string {
  try {
    run();
    return "ok";
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

if (task.action === "supervise") confineSupervisor(task.logFile, granted);
const confinement = task.action === "supervise" ? {} : act(wanted, granted);
const isGranted = (path: string) =>
  Deno.permissions.querySync({ name: "net", host: `unix:${path}` }).state === "granted";
printLine(JSON.stringify({
  ...confinement,
  read: task.read.map((path) => outcome(() => Deno.readTextFileSync(path))),
  write: task.write.map((path) => outcome(() => Deno.writeTextFileSync(path, "written"))),
  ...(task.sockets.length > 0 ? { sockets: task.sockets.filter(isGranted) } : {}),
  ...(task.action === "supervise"
    ? {
      run: task.run.map((program) => outcome(() => new Deno.Command(program).outputSync())),
      sys: outcome(() => Deno.hostname()),
      net: Deno.permissions.querySync({ name: "net" }).state,
    }
    : {}),
  ...(task.action === "refused" ? { refused: refusedByDeno(wanted) } : {}),
}));
