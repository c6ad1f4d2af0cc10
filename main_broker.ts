/**
 * The broker's entry point: a bundle of its own, since it is started for each operation that needs
 * root, and loading the whole agent nearly doubles the processor time of that.
 *
 * @module
 */

import * as z from "zod";
import { explain } from "./commands/explain.ts";
import { privileged } from "./commands/privileged.ts";

// There is no JIT compiler to generate code for.
z.config({ jitless: true });

// Exit explicitly: a blocked read would keep the process alive.
if (import.meta.main) Deno.exit(await privileged(Deno.args).catch((error) => explain(error)));
