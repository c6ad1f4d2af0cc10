/** Prints whether this process may read each of the paths that are its arguments. */

import { printLine } from "../../../../lib/base/terminal.ts";

printLine(
  Deno.args.map((path) => Deno.permissions.querySync({ name: "read", path }).state).join(" "),
);
