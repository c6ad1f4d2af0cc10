import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path/posix";
import { TempDirectory } from "../../_helpers.ts";

Deno.test("the watchdog is started with the first message and stopped with the last", async () => {
  await using directory = await TempDirectory.make();
  const script = fromFileUrl(new URL("_watchdog.ts", import.meta.url));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--unstable-net", "-A", script, directory.path],
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals(code, 0, decode(stderr));
  assertEquals(JSON.parse(decode(stdout)), [
    "WATCHDOG_USEC=60000000\nWATCHDOG=1",
    "WATCHDOG_USEC=0\nSTOPPING=1",
  ]);
});
