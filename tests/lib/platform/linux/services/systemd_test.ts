import { assert, assertEquals } from "@std/assert";
import { SystemdServices } from "../../../../../lib/platform/linux/services/systemd.ts";
import { NEVER, rpcErrorOf } from "../../../_helpers.ts";

/** What `systemctl show` of systemd 252 prints for properties in any order. */
const LIST = `MainPID=0
Id=apt-daily.service
Description=Daily apt download activities
ActiveState=inactive
SubState=dead
UnitFileState=static

MainPID=612
Id=ssh.service
Description=OpenBSD Secure Shell server = sshd
ActiveState=active
SubState=running
UnitFileState=enabled

Id=dbus.service
ActiveState=active
SubState=running
Description=
UnitFileState=
MainPID=300
`;

const STATUS = `MainPID=612
Result=success
NRestarts=2
ExecMainStatus=0
MemoryCurrent=5591040
CPUUsageNSec=410000000
TasksCurrent=18446744073709551615
Id=ssh.service
Names=ssh.service sshd.service
Description=OpenBSD Secure Shell server
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
ActiveEnterTimestamp=Fri 2023-12-08 12:04:28 UTC
`;

/** Services of a systemctl(1) that prints this, and the arguments of each run. */
function servicesOf(text: string) {
  const runs: (readonly string[])[] = [];
  const services = new SystemdServices((_code, args) => {
    runs.push(args);
    return Promise.resolve(text);
  });
  return { services, runs };
}

Deno.test("systemd's list is sorted, and empty properties are absent", async () => {
  const { services } = servicesOf(LIST);
  assertEquals(await services.list(NEVER), [
    {
      name: "apt-daily.service",
      state: "inactive",
      detail: "dead",
      description: "Daily apt download activities",
      startup: "static",
    },
    { name: "dbus.service", state: "active", detail: "running", mainPid: 300 },
    {
      name: "ssh.service",
      state: "active",
      detail: "running",
      description: "OpenBSD Secure Shell server = sshd",
      startup: "enabled",
      mainPid: 612,
    },
  ]);
});

Deno.test("a service's status has numbers, times and aliases", async () => {
  const { services, runs } = servicesOf(STATUS);
  assertEquals(await services.status("sshd", NEVER), {
    name: "ssh.service",
    state: "active",
    detail: "running",
    description: "OpenBSD Secure Shell server",
    startup: "enabled",
    mainPid: 612,
    aliases: ["sshd.service"],
    result: "success",
    exitStatus: 0,
    restarts: 2,
    memoryBytes: 5591040,
    cpuSeconds: 0.41,
    tasks: undefined,
    activeSince: 1702037068,
  });
  assertEquals(runs[0]?.[1], "sshd.service");
});

Deno.test("a service that does not exist is not found, and a bad name never reaches systemctl", async () => {
  const { services, runs } = servicesOf(
    "Id=none.service\nLoadState=not-found\nActiveState=inactive\n",
  );
  assertEquals((await rpcErrorOf(() => services.status("none", NEVER))).code, -32002);
  assertEquals((await rpcErrorOf(() => services.status("--host=x", NEVER))).code, -32602);
  assertEquals(runs.length, 1);
});

Deno.test("a systemd that does not answer is an error with systemctl's words", async () => {
  const { services } = servicesOf("Failed to connect to bus: Host is down\n");
  const error = await rpcErrorOf(() => services.list(NEVER));
  assertEquals(error.code, -32000);
  assert(error.message.includes("Host is down"));
});
