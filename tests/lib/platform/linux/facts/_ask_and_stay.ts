/** Starts a resident script, prints its process id and stays until it is killed. */

import { ResidentScript } from "../../../../../lib/platform/linux/facts/resident_script.ts";

const script = new ResidentScript("while read -r _; do echo $$; echo end; done");
const { signal } = new AbortController();
await Deno.stdout.write(
  new TextEncoder().encode(await script.ask("pid\n", { timeoutMs: 20_000, signal })),
);
await new Promise(() => setInterval(() => {}, 60_000));
