/** Begins to replace the file that is its first argument, and waits to be killed. */

import { NewFile } from "../../../../../lib/platform/linux/files/new_file.ts";
import { printLine } from "../../../../../lib/base/terminal.ts";

const [path = "", root = ""] = Deno.args;
const file = await NewFile.beside({ path, root }, { mode: 0o644, createDirectories: false });
printLine(file.temporary.path);
setInterval(() => {}, 1000);
