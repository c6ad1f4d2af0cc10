/**
 * The agent's entry point on Windows.
 *
 * @module
 */

import * as z from "zod";
import { permissionsOf } from "./commands/permissions.ts";
import { run } from "./commands/run.ts";
import { service } from "./commands/service.ts";
import { servePort } from "./commands/serve_port.ts";
import { WINDOWS } from "./lib/platform/windows/mod.ts";

// There is no JIT compiler to generate code for.
z.config({ jitless: true });

// Exit explicitly: a request that waits would keep the process alive.
if (import.meta.main) {
  Deno.exit(
    await run(Deno.args, {
      platform: WINDOWS,
      subcommands: { permissions: permissionsOf(WINDOWS, "json"), service },
      serveOwnPort: (invocation) => servePort(invocation, WINDOWS),
    }),
  );
}
