import { assertEquals, assertThrows } from "@std/assert";
import { type Handle, Handles } from "../../../handlers/qga/_handles.ts";
import { RpcError } from "../../../lib/base/errors.ts";

const LIMITS = { handles: 100, keptMs: 10_000, keptAtLeastMs: 1000 };

const handle = (path = "/tmp/f"): Handle => ({
  path,
  canRead: true,
  canWrite: false,
  appends: false,
  position: 0,
});

Deno.test("a handle is known until it is closed; one that was never given is not", () => {
  const handles = new Handles(LIMITS, () => 5000);
  const number = handles.add(handle("/tmp/a"));
  assertEquals(handles.use(number).path, "/tmp/a");
  assertThrows(() => handles.use(number + 1), RpcError, "has not been found");
  handles.close(number);
  assertThrows(() => handles.close(number), RpcError, `handle '${number}' has not been found`);
});

Deno.test("10,000 handles at once are refused but for the first hundred", () => {
  const handles = new Handles(LIMITS, () => 0);
  let refused = 0;
  for (let count = 0; count < 10_000; count++) {
    try {
      handles.add(handle());
    } catch {
      refused += 1;
    }
  }
  assertEquals([handles.count, refused], [100, 9900]);
});

Deno.test("the handle that was not used for the longest time makes room", () => {
  let now = 0;
  const handles = new Handles(LIMITS, () => now);
  const numbers = Array.from({ length: 100 }, () => handles.add(handle()));
  const [first = 0, second = 0] = numbers;
  now = 2000;
  handles.use(first);
  handles.add(handle());
  assertEquals(handles.use(first).path, "/tmp/f");
  assertThrows(() => handles.use(second), RpcError);
});

Deno.test("handles that nobody uses are closed after a while, and no number is given again", () => {
  let now = 7;
  const handles = new Handles(LIMITS, () => now);
  const old = handles.add(handle());
  now += LIMITS.keptMs + 1;
  const next = handles.add(handle());
  assertEquals([next, handles.count], [old + 1, 1]);
  assertThrows(() => handles.use(old), RpcError);
});
