import { assertEquals } from "@std/assert";
import { effectiveConfig } from "../../../commands/serve/effective_config.ts";
import { defaultConfig } from "../../../lib/config/schema.ts";

const CONFIG = {
  ...defaultConfig(),
  command_monitor: { ...defaultConfig().command_monitor, enabled: true },
};

Deno.test("effectiveConfig() is the file's, with the command line's log level", () => {
  assertEquals(effectiveConfig(CONFIG, { logLevel: undefined, dialect: "jsonrpc" }), CONFIG);
  assertEquals(effectiveConfig(CONFIG, { logLevel: "debug", dialect: "jsonrpc" }), {
    ...CONFIG,
    log_level: "debug",
  });
});

Deno.test("effectiveConfig() leaves state directory and command monitor to the other agent", () => {
  assertEquals(effectiveConfig(CONFIG, { logLevel: undefined, dialect: "qga" }), {
    ...CONFIG,
    state_directory: null,
    command_monitor: { ...CONFIG.command_monitor, enabled: false },
  });
});
