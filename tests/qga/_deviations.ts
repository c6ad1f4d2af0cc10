/**
 * Where our answers differ from those of qemu-ga on purpose.
 *
 * @module
 */

import type { Reference } from "./_references.ts";

/** For commands that only the newer qemu-ga has. */
const NEWER = "Newer than qemu-ga 7.2, and answered by ours";

/** A reason as docs/qga.md has it, and the requests that it explains. */
const REASONS: readonly (readonly [reason: string, names: readonly string[]])[] = [
  [
    NEWER,
    ["get-load (since 10.0)", "network-get-route (since 9.1)", "exec merged (since 8.0)"],
  ],
  [
    "The path is outside the allowed paths, and a directory cannot be read through a handle anyway",
    ["open a directory"],
  ],
  [
    "The command needs root, which the agent in the test does not have",
    [
      "thaw what is not frozen",
      "freeze no mount point",
      "set-time too late",
      "password that is not base64",
      "user with a colon",
      "password without crypted",
      "keys of nobody",
      "add a key with a line break",
      "get them",
      "get it",
      "get none",
    ],
  ],
  [
    "Left out: hosts plug processors and memory by themselves",
    ["set-vcpus of none that is", "set-memory-blocks of none that is"],
  ],
];

/** The reasons for differing from a version, by the name of the request. */
export const deviationsFrom = (version: Reference["version"]): Map<string, string> =>
  new Map(
    REASONS.filter(([reason]) => version === "7.2" || reason !== NEWER)
      .flatMap(([reason, names]) => names.map((name) => [name, reason] as const)),
  );
