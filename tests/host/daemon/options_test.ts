import { assertEquals, assertThrows } from "@std/assert";
import { readOptions } from "../../../host/daemon/options.ts";
import { HOSTD_SOCKET } from "../../../host/hostd_socket.ts";
import { UsageError } from "../../../lib/base/command_line.ts";

Deno.test("readOptions() has libvirt's directories and the daemon's socket as defaults", () => {
  const options = readOptions([]);
  assertEquals(typeof options === "object" && options.socket, HOSTD_SOCKET);
  assertEquals(readOptions(["--help"]), "help");
  assertEquals(readOptions(["--version"]), "version");
});

Deno.test("readOptions() refuses what it does not know", () => {
  const wrong = [
    ["--sockett", "/x"],
    ["word"],
    ["--socket", "/x", "--socket", "/y"],
    ["--socket", ""],
    ["--channels", "/a/*/b/*"],
    ["--channels", ""],
    ["--socket", "/x", "--read-only-socket", "/x"],
    ["--metrics-listen", ":9842"],
    ["--metrics-web-config", "/x"],
    ["--creds", "/x"],
    ["--host-name", "kvm1"],
    ["--nats", "http://mq1"],
    ["--nats", "nats://mq1:4222", "--host-name", "a.b"],
  ];
  for (const args of wrong) assertThrows(() => readOptions(args), UsageError);
});

Deno.test("readOptions() names the option whose value is an empty argument", () => {
  for (const option of ["--socket", "--channels", "--metrics-listen"]) {
    assertThrows(() => readOptions([option, ""]), UsageError, `${option} needs a value`);
  }
});
