import * as z from "zod";
import { Int64 } from "./_int64.ts";
import { NoArguments, qgaCommand } from "./_command.ts";

const Sync = () => z.strictObject({ id: Int64 });

/** Returns the id, so that a client finds the answers that belong to it. */
export const guestSync = () =>
  qgaCommand({
    name: "guest-sync",
    summary: "Returns the id",
    params: Sync(),
    access: "always",
    audited: false,
    immediate: true,
    whileFrozen: true,
    run: ({ id }) => id,
  });

/** The same; the dialect puts a delimiter before the answer. */
export const guestSyncDelimited = () =>
  qgaCommand({
    name: "guest-sync-delimited",
    summary: "Returns the id, after a byte 0xFF",
    params: Sync(),
    access: "always",
    audited: false,
    immediate: true,
    whileFrozen: true,
    run: ({ id }) => id,
  });

/** Answers. */
export const guestPing = () =>
  qgaCommand({
    name: "guest-ping",
    summary: "Answers",
    params: NoArguments,
    access: "always",
    audited: false,
    immediate: true,
    whileFrozen: true,
    run: () => ({}),
  });
