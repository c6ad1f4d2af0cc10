/**
 * The agent's entry point on Linux.
 *
 * @module
 */

import * as z from "zod";
import { permissionsOf } from "./commands/permissions.ts";
import { run } from "./commands/run.ts";
import { supervise } from "./commands/supervise.ts";
import { LINUX } from "./lib/platform/linux/mod.ts";

// There is no JIT compiler to generate code for.
z.config({ jitless: true });

// Exit explicitly: a blocked read would keep the process alive.
if (import.meta.main) {
  Deno.exit(
    await run(Deno.args, {
      platform: LINUX,
      subcommands: { permissions: permissionsOf(LINUX, "shell") },
      serveOwnPort: supervise,
    }),
  );
}
