/**
 * Confines itself as a compiled agent does at its start and tells what it could touch before and
 * after. Arguments: `--granted=JSON` and a configuration as JSON.
 *
 * @module
 */

import { parseConfig } from "../../lib/config/load.ts";
import { CONFINER } from "../../lib/platform/linux/confinement.ts";
import { permissionsFor } from "../../lib/platform/linux/grants.ts";
import { parsePermissions } from "../../lib/platform/permissions.ts";
import { printLine } from "../../lib/base/terminal.ts";

const OUTSIDE = "/etc/passwd";
const ALLOWED = "/etc/os-release";

function works(action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return false;
    // The permission was there; the guest itself said no.
    return true;
  }
}

const touch = () => ({
  read: works(() => void Deno.statSync(OUTSIDE)),
  write: works(() => void Deno.removeSync("/nonexistent/by-any-means")),
});

const [granted = "", config = ""] = Deno.args;
const before = touch();
const { confined } = CONFINER.confine(
  permissionsFor(parseConfig(config, "argument")),
  parsePermissions(granted.replace("--granted=", "")),
);
const after = touch();
const allowed = works(() => void Deno.statSync(ALLOWED));
printLine(JSON.stringify({ before, confined, after, allowed }));
