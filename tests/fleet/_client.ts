/**
 * A client of a fleet in a process of its own, which can be killed or stopped in the middle of its
 * calls: `_client.ts URL CREDENTIALS SILENT_MS METHOD COUNT`.
 *
 * @module
 */

import { FleetClient } from "../../host/fleet/client.ts";

const [url = "", credentialsFile, silentMs, method = "", count] = Deno.args;
const fleet = await FleetClient.connect({ url, credentialsFile }, undefined, Number(silentMs));
const { vms: [vm] } = await fleet.list();
if (vm === undefined) throw new Error("no VM");
const params = method === "file_read" ? { path: "/" } : { command: "id" };
await Promise.all(
  Array.from(
    { length: Number(count) },
    () => fleet.call(vm, method, params, { timeoutMs: 60_000 }),
  ),
);
