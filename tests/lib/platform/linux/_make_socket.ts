/**
 * Creates a socket and prints what could be seen of it until it appeared at its path. A separate
 * process, since it wraps functions of Deno. Arguments: the path, the mode.
 *
 * @module
 */

import { listenOnSocket } from "../../../../lib/platform/linux/monitor_socket.ts";
import { printLine } from "../../../../lib/base/terminal.ts";

const [path = "", mode = ""] = Deno.args;

const modeOf = (file: string): string => {
  try {
    return ((Deno.lstatSync(file).mode ?? 0) & 0o777).toString(8);
  } catch {
    return "none";
  }
};

const { listen, linkSync } = Deno;
const seen: Record<string, string> = {};
Object.assign(Deno, {
  listen: (options: Deno.UnixListenOptions & { transport: "unix" }) => {
    seen.directoryBefore = modeOf(`${path}.new`);
    const listener = listen(options);
    seen.ownPathAfterListening = modeOf(path);
    return listener;
  },
  linkSync: (from: string, to: string) => {
    seen.directoryAtTheEnd = modeOf(`${path}.new`);
    seen.socketAtTheEnd = modeOf(from);
    seen.ownPathAtTheEnd = modeOf(to);
    linkSync(from, to);
  },
});

Deno.umask(0);
const listener = await listenOnSocket({ pipe_path: path, pipe_mode: mode, pipe_group: null });
seen.ownPath = modeOf(path);
listener.close();
printLine(JSON.stringify(seen));
