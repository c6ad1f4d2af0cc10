/** Begins to make a file in the directory that is its argument, and waits to be killed. */

import { printLine } from "../../../../../lib/base/terminal.ts";
import { FileShells } from "../../../../../lib/platform/linux/files/file_shells.ts";
import { routeTo } from "../../../../../lib/platform/linux/files/walk.ts";

const [directory = "", root = ""] = Deno.args;
const { signal } = new AbortController();
await new FileShells(false).use(signal, async (shell) => {
  const name = `.kvmmanager-${shell.pid}-held`;
  const values = ["77", "", "0", "1", "0", name, "file"];
  const { word } = await shell.ask("replace", routeTo(directory, root), [...values, ""], signal);
  printLine(`${word} ${shell.pid} ${name}`);
  await new Promise(() => setInterval(() => {}, 1000));
});
