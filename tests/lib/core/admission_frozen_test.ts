import { assertEquals } from "@std/assert";
import { Executor } from "../../../lib/core/executor.ts";
import { NO_LOG } from "../../../lib/log/logger.ts";
import { configWith } from "../_helpers.ts";
import { memoryServices } from "../guest/_memory_guest.ts";
import { MemoryPrivileged } from "../guest/_memory_privileged.ts";
import { answerOf, anyMethod, request, TestHost } from "./_host.ts";

Deno.test("while file systems are frozen, only methods that never wait for a disk are run", async () => {
  const privileged = new MemoryPrivileged(() => undefined);
  const methods = [
    anyMethod("write", () => "written"),
    anyMethod("thaw", () => "thawed", { whileFrozen: true }),
    anyMethod("ping", () => "pong", { whileFrozen: true, immediate: true }),
  ];
  const services = memoryServices({ privileged });
  const host = new TestHost(
    new Executor({ config: configWith(), ...services, log: NO_LOG, methods }),
  );
  const outcome = async (method: string) => {
    const texts: string[] = [];
    await host.handle(request({ id: 1, method }), (text) => {
      texts.push(text);
      return Promise.resolve();
    });
    const { result, error } = answerOf(texts[0] ?? "");
    return result ?? [error?.code, error?.data.frozen];
  };
  assertEquals(await outcome("write"), "written");
  privileged.isFrozen = true;
  assertEquals(await outcome("write"), [-32000, true]);
  assertEquals([await outcome("thaw"), await outcome("ping")], ["thawed", "pong"]);
  privileged.isFrozen = false;
  assertEquals(await outcome("write"), "written");
});
