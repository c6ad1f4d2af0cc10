/**
 * How a Linux guest's configuration names files and programs, and the defaults that do.
 *
 * @module
 */

import * as z from "zod";
import { normalize } from "@std/path/posix";
import { POSIX_PATHS } from "../policy/paths.ts";
import type { ConfigForms } from "./forms.ts";

const MAX_PATH_BYTES = 4096;
const pathLength = (path: string) => new TextEncoder().encode(path).byteLength;

const withoutTrailingSlash = (path: string) => path.replace(/(?<=.)\/+$/, "");

const AbsolutePath = z.string().check(
  z.overwrite(withoutTrailingSlash),
  z.refine((path) => path.startsWith("/"), "must be an absolute path"),
  z.refine((path) => !path.includes("\0"), "must not contain NUL"),
  z.refine((path) => pathLength(path) <= MAX_PATH_BYTES, `must be at most ${MAX_PATH_BYTES} bytes`),
  z.refine(
    (path) => path === "" || normalize(path) === path,
    "must not contain '.', '..' or '//'",
  ),
);

const CommandName = z.string().check(
  z.refine(
    (name) =>
      /^[^/\0]+$/.test(name) && name !== "." && name !== ".." || /^\/[^\0]+[^/\0]$/.test(name),
    "must be a program's bare name or an absolute path",
  ),
);

/** `sun_path` of sockaddr_un (unix(7)) without its final NUL. */
const MAX_SOCKET_PATH_BYTES = 107;
/** How much longer the path is at which the socket is created (monitor_socket.ts). */
const SOCKET_SUFFIX_BYTES = 6;

const SocketPath = AbsolutePath.check(
  z.refine(
    (path) => pathLength(path) <= MAX_SOCKET_PATH_BYTES - SOCKET_SUFFIX_BYTES,
    `must be at most ${
      MAX_SOCKET_PATH_BYTES - SOCKET_SUFFIX_BYTES
    } bytes, the limit for a socket's path`,
  ),
  z.refine((path) => path !== "/", "must name a socket"),
  z.refine((path) => !path.includes(","), "must not contain a comma"),
);

const GroupName = z.string().check(
  z.refine(
    (name) => /^([A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}\$?|-1)$/.test(name),
    'must be a group\'s name or number, or "-1" for no change',
  ),
);

/** What {@link ConfigForms} are on Linux. */
export const POSIX_FORMS: ConfigForms = {
  paths: POSIX_PATHS,
  path: AbsolutePath,
  command: CommandName,
  pipe: SocketPath,
  group: GroupName,
  defaults: {
    log_file: null,
    allowed_read_paths: ["/tmp", "/var/log", "/etc/hostname", "/etc/os-release"],
    allowed_write_paths: ["/tmp/kvmmanager"],
    pipe_path: "/run/google-guest-agent/commands.sock",
    // Not its parent, which belongs to root in the package: the permissions of the agent's next
    // start are kept there.
    state_directory: "/var/lib/kvmmanager-agent/state",
  },
};
