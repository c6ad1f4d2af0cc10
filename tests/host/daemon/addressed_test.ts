import { assertEquals, assertStringIncludes } from "@std/assert";
import { missingVm, withoutVm } from "../../../host/daemon/addressed.ts";

Deno.test("a request's VM is separated from what the protocol knows", () => {
  const request = { jsonrpc: "2.0", method: "ping", id: 1 };
  assertEquals(withoutVm({ ...request, vm: "web1" }), { vm: "web1", rest: request });
  assertEquals(withoutVm(request), { rest: request });
  for (const message of [null, 1, "vm", ["vm"]]) {
    assertEquals(withoutVm(message), { rest: message });
  }
});

Deno.test("a VM that is no name is refused", () => {
  for (const vm of ["", 1, null, {}]) {
    const { rest, problem = "" } = withoutVm({ method: "ping", vm });
    assertEquals(rest, { method: "ping" });
    assertStringIncludes(problem, "vm must be a VM's name");
  }
});

Deno.test("a request without a VM is told whether its method needs one", () => {
  assertEquals(missingVm("ping").toWire().code, -32600);
  assertEquals(missingVm("no_such").toWire().code, -32601);
});
