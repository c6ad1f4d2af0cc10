import * as z from "zod";
import { assert } from "@std/assert";
import { checkEnvironment, HARMLESS_VARIABLES } from "../../../lib/policy/commands.ts";
import { RpcError } from "../../../lib/base/errors.ts";
import type { Random } from "../random.ts";
import { target } from "../target.ts";
import { text } from "../values.ts";

const Input = z.strictObject({
  env: z.record(z.string(), z.string()),
  /** `command_environment` of the configuration. */
  allowed: z.array(z.string()),
});

/**
 * While there is a whitelist, a request can set a variable only if the configuration lists it, or
 * if it is harmless and its value names nothing outside the system's own directories.
 */
export const environments = target({
  name: "environments",
  input: Input,
  generate: (random) => ({
    env: Object.fromEntries(random.many(3, () => [nameFrom(random), valueFrom(random)])),
    allowed: random.many(2, () => nameFrom(random)),
  }),
  open: () => check,
});

const NAMES = ["PATH", "HOME", "LD_PRELOAD", "BASH_ENV", "LOCPATH", "TZDIR", "lang", "MY_OWN"];
const PIECES = ["de_DE", "UTF-8", "euro", "C", "Europe", "Berlin", "CET-1CEST", "xterm", "80"];
const SEPARATORS = ["/", ":", ".", "..", "@", "_", "-", "", "\n", "\0", "%"];

const nameFrom = (random: Random) =>
  random.oneIn(8) ? text(random) : random.pick(random.oneIn(4) ? NAMES : HARMLESS_VARIABLES);

const valueFrom = (random: Random) =>
  random.oneIn(8)
    ? text(random)
    : random.many(4, () => random.pick(SEPARATORS) + random.pick(PIECES)).join("") +
      random.pick(SEPARATORS);

function check({ env, allowed }: z.output<typeof Input>): void {
  try {
    checkEnvironment(env, { command_whitelist: ["echo"], command_environment: allowed });
  } catch (error) {
    assert(error instanceof RpcError && error.kind === "permissionDenied", `refused: ${error}`);
    const listed = Object.keys(env).every((name) => allowed.includes(name));
    assert(!listed, "what the configuration lists is not refused");
    return;
  }
  for (const [name, value] of Object.entries(env)) {
    if (allowed.includes(name)) continue;
    const what = `${JSON.stringify(name)}=${JSON.stringify(value)} was allowed`;
    assert(HARMLESS_VARIABLES.includes(name), what);
    assert(!/^[/:]|[\p{C}\p{Z}%$`'"\\*?~]/u.test(value), what);
    // Its values become parts of paths.
    assert(!value.split(/[/:]/).includes(".."), what);
    assert(name === "TZ" || !value.includes("/"), what);
  }
}
