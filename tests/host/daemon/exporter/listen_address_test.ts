import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../../../lib/base/command_line.ts";
import { isLoopback, parseListenAddress } from "../../../../host/daemon/exporter/listen_address.ts";

Deno.test("a port alone is one of the loopback interface", () => {
  assertEquals(parseListenAddress("9842"), { hostname: "127.0.0.1", port: 9842 });
  assertEquals(parseListenAddress("0.0.0.0:80"), { hostname: "0.0.0.0", port: 80 });
  assertEquals(parseListenAddress("host.example:0"), { hostname: "host.example", port: 0 });
  assertEquals(parseListenAddress("[::1]:9842"), { hostname: "::1", port: 9842 });
});

for (const text of ["", ":9842", "localhost", "1.2.3.4:", "65536", "::1:9842", "a b:1x", "9842 "]) {
  Deno.test(`--metrics-listen ${JSON.stringify(text)} is refused`, () => {
    const { message } = assertThrows(() => parseListenAddress(text), UsageError);
    assertEquals(message.includes(`received "${text}"`), true, message);
  });
}

Deno.test("only loopback addresses are loopback", () => {
  const loopback = (hostname: string) => isLoopback({ hostname, port: 1 });
  assertEquals(["127.0.0.1", "127.1.2.3", "::1", "localhost"].map(loopback), Array(4).fill(true));
  assertEquals(["0.0.0.0", "::", "127.example", "10.0.0.1"].map(loopback), Array(4).fill(false));
});
