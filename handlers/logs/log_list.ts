import * as z from "zod";
import { jsonBytes } from "../../lib/base/json_text.ts";
import { method, NoParams } from "../../lib/core/method.ts";
import type { LogFile } from "../../lib/guest/logs.ts";
import { needed } from "../_ability.ts";
import { isAllowed } from "../../lib/policy/groups.ts";

const MAX_FILES = 1000;
const MAX_UNITS = 1000;
/** Bytes of JSON of a file besides its path, and of a unit besides its name. */
const FILE_BYTES = 64;
const UNIT_BYTES = 3;
/** Bytes of JSON of a result besides files and units. */
const OTHER_MEMBERS_BYTES = 96;

/** `log_list`: what `log_read` can read. Sizes in bytes, times in seconds since 1970. */
export const logList = method({
  name: "log_list",
  capability: "log_list",
  access: "see",
  summary: "Lists the logs that `log_read` can read.",
  notes: [
    "`files` are the regular files below /var/log, and the files with names in `.log` below other " +
    "directories of `allowed_read_paths`, three directories deep, without symbolic links; there " +
    "are none unless the group `file-read` is on. `units` are those with entries in systemd's " +
    "journal; absent if the guest has no journal or the agent's user may not read it. `partial` " +
    "means that there are more files or units than were listed or fit into one message.",
  ],
  available: ({ guest }) => guest.logs !== undefined,
  audited: false,
  params: NoParams,
  result: () =>
    z.strictObject({
      files: z.readonly(z.array(z.strictObject({
        path: z.string(),
        size_bytes: z.int(),
        modified_at: z.int(),
      }))),
      units: z.optional(z.readonly(z.array(z.string()))),
      partial: z.optional(z.literal(true)),
    }),
  example: {
    result: {
      files: [{ path: "/var/log/syslog", size_bytes: 104857, modified_at: 1702123456 }],
      units: ["cron.service", "ssh.service"],
    },
  },
  run: async (_params, { config: { security }, guest, signal, resultLimitBytes }) => {
    const logs = needed(guest.logs, "read logs");
    const roots = isAllowed("file-read", security.allow) ? security.allowed_read_paths : [];
    const [listed, units] = await Promise.all([
      logs.files(roots, MAX_FILES, signal),
      logs.units(MAX_UNITS, signal),
    ]);
    let left = resultLimitBytes - OTHER_MEMBERS_BYTES;
    const fits = (bytes: number) => (left -= bytes) >= 0;
    const listedUnits = units?.filter((unit) => fits(UNIT_BYTES + jsonBytes(unit)));
    const files = listed.files.filter(({ path }) => fits(FILE_BYTES + jsonBytes(path)));
    const isPartial = listed.isPartial || files.length < listed.files.length ||
      units !== undefined && (listedUnits?.length !== units.length || units.length >= MAX_UNITS);
    return {
      files: files.map(toWire),
      ...(listedUnits === undefined ? {} : { units: listedUnits }),
      ...(isPartial ? { partial: true as const } : {}),
    };
  },
});

const toWire = ({ path, sizeBytes, modifiedAt }: LogFile) => ({
  path,
  size_bytes: sizeBytes,
  modified_at: modifiedAt,
});
