import { assertEquals } from "@std/assert";
import { brokerFlags } from "../../../../../lib/platform/linux/privileged/broker_grants.ts";
import { fsTrimAsRoot } from "../../../../../lib/privileged/fs_trim.ts";
import { OPERATIONS } from "../../../../../lib/privileged/operations.ts";

Deno.test("the broker may run the programs of its operations and no shell", () => {
  const run = brokerFlags([fsTrimAsRoot]).find((flag) => flag.startsWith("--allow-run="));
  const names = new Set(run?.split("=")[1]?.split(",").map((path) => path.split("/").at(-1)));
  assertEquals([...names].sort(), ["cat", "fstrim", "systemctl", "systemd-run"]);
});

Deno.test("the broker has neither the network nor everything", () => {
  const flags = brokerFlags(OPERATIONS);
  assertEquals(flags.filter((flag) => /^--allow-(all|net$|run$|write$|ffi$|env)/.test(flag)), []);
});
