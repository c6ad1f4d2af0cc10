import { assert, assertEquals, assertRejects } from "@std/assert";
import { Port } from "../../../lib/platform/windows/channel/port.ts";
import { isHandle } from "../../../lib/platform/windows/ffi/handle.ts";
import { STATUS } from "../../../lib/platform/windows/ffi/ntdll.ts";
import type { Transfer } from "../../../lib/platform/windows/overlapped.ts";

/** A port whose reads end like this, one after another. */
function portWith(...reads: readonly Transfer[]): Port {
  const left = [...reads];
  const nothing: Transfer = { status: STATUS.CANCELLED, bytes: 0 };
  const handle = Deno.UnsafePointer.create<"HANDLE">(0xffffn);
  assert(isHandle(handle));
  return new Port({
    handle,
    read: () => Promise.resolve(left.shift() ?? nothing),
    write: (bytes) => Promise.resolve({ status: STATUS.SUCCESS, bytes: bytes.byteLength }),
    cancel: () => {},
    close: () => Promise.resolve(),
  });
}

Deno.test("a read that ends because no further byte has come delivers what had come", async () => {
  const port = portWith(
    { status: STATUS.TIMEOUT, bytes: 0 },
    { status: STATUS.TIMEOUT, bytes: 3 },
    { status: STATUS.SUCCESS, bytes: 5 },
  );
  const buffer = new Uint8Array(10);
  assertEquals([await port.read(buffer), await port.read(buffer)], [3, 5]);
});

Deno.test("a read that fails tells with what status", async () => {
  const port = portWith({ status: STATUS.DEVICE_REMOVED, bytes: 0 });
  await assertRejects(() => port.read(new Uint8Array(10)), Error, "status 0xc00002b6");
});

Deno.test("a read is over when the host is away", async () => {
  for (const status of [STATUS.INSUFFICIENT_RESOURCES, STATUS.CANCELLED]) {
    assertEquals(await portWith({ status, bytes: 0 }).read(new Uint8Array(10)), null);
  }
});
