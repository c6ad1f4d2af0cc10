import { WindowsPower } from "../../../lib/platform/windows/power.ts";
import { SHUTDOWN_PROGRAM } from "../../../lib/platform/windows/programs.ts";

// Wine's shutdown.exe takes the arguments and does nothing.
Deno.test({
  name: "shutdown.exe takes a request",
  ignore: Deno.env.get("WINEPREFIX") === undefined,
  fn: () =>
    new WindowsPower(SHUTDOWN_PROGRAM).request({
      action: "shutdown",
      timeoutSeconds: 60,
      force: true,
    }),
});
