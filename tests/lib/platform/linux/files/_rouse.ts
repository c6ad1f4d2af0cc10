/** Opens the FIFO that is its argument, then puts a file in its place, and prints what was opened. */

import { dirname } from "@std/path/posix";
import { printLine } from "../../../../../lib/base/terminal.ts";
import { BoundedOpens } from "../../../../../lib/platform/linux/files/bounded_opens.ts";
import { FileShells } from "../../../../../lib/platform/linux/files/file_shells.ts";
import { ThreadRouser } from "../../../../../lib/platform/linux/files/rouse_threads.ts";

const [path = ""] = Deno.args;
const rouser = new ThreadRouser(new FileShells(false));
const interrupted = Promise.withResolvers<void>();
const opens = new BoundedOpens(async () => {
  await rouser.rouse();
  interrupted.resolve();
});
const { signal } = new AbortController();
const opening = opens.open({ path, root: dirname(path) }, { read: true }, signal);
await interrupted.promise;
await Deno.writeTextFile(`${path}.new`, "content");
await Deno.rename(`${path}.new`, path);
const file = await opening;
const text = await new Response(file.readable).text();
printLine(`${text}, ${opens.count} under way`);
Deno.exit(0);
