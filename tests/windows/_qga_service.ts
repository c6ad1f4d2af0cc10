/**
 * The service for the QEMU guest agent's language, beside the agent's own.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "zod";
import { VERSION } from "../../lib/base/version.ts";
import { runAgent } from "../../scripts/windows/agent.ts";
import type { Wine } from "../../scripts/windows/wine.ts";
import type { Host } from "../agent/_host.ts";
import { until } from "../_waiting.ts";
import { PortOfWine } from "./_wine.ts";

const PORT = "org.kvmmanager.both";
const CONFIG = "C:\\qga-config.json";
const KEY = "HKLM\\SYSTEM\\CurrentControlSet\\Services";

const Answer = z.looseObject({ return: z.optional(z.unknown()), error: z.optional(z.unknown()) });
const Info = z.looseObject({
  version: z.string(),
  supported_commands: z.array(z.looseObject({ name: z.string(), enabled: z.boolean() })),
});
const Drives = z.array(z.looseObject({ mountpoint: z.string(), "total-bytes": z.int() }));
const Ended = z.looseObject({ exited: z.boolean(), "out-data": z.optional(z.string()) });

/** Installs, uses and removes the service. */
export async function qgaServiceSteps(t: Deno.TestContext, wine: Wine): Promise<void> {
  const service = async (...args: readonly string[]) =>
    await runAgent(wine, "service", ...args, "--dialect", "qga");
  const imagePath = async (name: string) => {
    const query = wine.command("reg", ["query", `${KEY}\\${name}`], { stdout: "piped" });
    return new TextDecoder().decode((await query.output()).stdout);
  };
  const port = await PortOfWine.openGlobal(wine, "org.qemu.guest_agent.0");
  await using _port = port;
  const ownPort = await PortOfWine.open(wine, PORT);
  await using _ownPort = ownPort;
  const call = async (execute: string, parameters?: unknown) => {
    const answer = await ask(port.host, execute, parameters);
    assert(answer.error === undefined, JSON.stringify(answer));
    return answer.return;
  };
  const log = { log_file: "C:\\qga.log" };
  await Deno.writeTextFile(`${wine.drive}/qga-config.json`, JSON.stringify(log));

  await t.step("is installed beside the agent's own, with its own options", async () => {
    const own = [`--config=${CONFIG}`, `--channel=device:\\\\.\\${PORT}`];
    assertEquals((await runAgent(wine, "service", "install", ...own)).code, 0);
    const args = [`--config=${CONFIG}`, "--block-rpcs=guest-file-open,guest-nonsense"];
    const { code, stdout, stderr } = await service("install", ...args);
    assertEquals([code, stdout], [0, "the service is installed\n"], stderr);
    const key = await imagePath("KVMManagerAgentQGA");
    assertMatch(key, /ImagePath.*service run --dialect=qga --power=windows --config=/);
    assertMatch(await imagePath("KVMManagerAgent"), /ImagePath.*service run --power=windows/);
  });

  await t.step("runs beside it", async () => {
    for (const which of [["start", "--dialect=qga"], ["start"]]) {
      const { code, stderr } = await runAgent(wine, "service", ...which);
      assertEquals(code, 0, stderr);
    }
    await ownPort.greeting();
    await ownPort.host.ping();
    assertMatch((await service("status")).stdout, /^running, process \d+\n$/);
  });

  await t.step("answers as the QEMU guest agent does, on that agent's port", async () => {
    assertEquals(await call("guest-sync", { id: 9007199254740991 }), 9007199254740991);
    assertEquals(await call("guest-ping"), {});
    const { version, supported_commands } = z.parse(Info, await call("guest-info"));
    assertEquals(version, VERSION);
    const isOn = (wanted: string) =>
      supported_commands.find(({ name }) => name === wanted)?.enabled;
    assertEquals(
      ["guest-shutdown", "guest-exec", "guest-file-open", "guest-fsfreeze-freeze"].map(isOn),
      [true, true, false, false],
    );
    // What KubeVirt requires of a guest.
    for (const fact of ["host-name", "osinfo", "timezone", "users", "fsinfo", "vcpus"]) {
      await call(`guest-get-${fact}`);
    }
    assertEquals(Object(await call("guest-get-osinfo")).id, "mswindows");
    const [drive] = z.parse(Drives, await call("guest-get-fsinfo"))
      .filter(({ mountpoint }) => mountpoint === "C:\\");
    assert(drive !== undefined && drive["total-bytes"] > 0);
  });

  await t.step("runs programs", async () => {
    const { pid } = Object(
      await call("guest-exec", {
        path: "cmd.exe",
        arg: ["/c", "echo hello"],
        "capture-output": true,
      }),
    );
    let status: z.output<typeof Ended> = { exited: false };
    await until(
      async () => {
        status = z.parse(Ended, await call("guest-exec-status", { pid }));
        return status.exited;
      },
      () => `the end of ${pid}`,
    );
    assertEquals([status.exitcode, status["out-data"]], [0, btoa("hello\r\n")]);
  });

  await t.step("tells what the lists of commands turn off", async () => {
    const { error } = await ask(port.host, "guest-file-open", { path: "C:\\x" });
    assertEquals(Object(error).class, "CommandNotFound");
    assertStringIncludes(Object(error).desc, "--block-rpcs lists it");
    const log = await Deno.readTextFile(`${wine.drive}/qga.log`);
    assertStringIncludes(log, 'lists \\"guest-nonsense\\", which is not a command');
  });

  await t.step("keeps its options when it is brought up to date", async () => {
    assertEquals((await service("stop")).code, 0);
    assertEquals((await service("install")).code, 0);
    assertMatch(await imagePath("KVMManagerAgentQGA"), /--block-rpcs=guest-file-open/);
    assertEquals((await service("start")).code, 0);
    await call("guest-ping");
  });

  await t.step("stops, and is removed alone", async () => {
    assertEquals((await service("uninstall", "--remove-data")).code, 64);
    assertEquals((await service("stop")).code, 0);
    assertEquals((await service("status")).stdout, "stopped\n");
    assertEquals((await service("uninstall")).stdout, "the service is removed\n");
    assertEquals((await service("status")).stdout, "not installed\n");
    await ownPort.host.ping();
  });

  await t.step("is removed with the agent and its data", async () => {
    assertEquals((await service("install")).code, 0);
    assertEquals((await runAgent(wine, "service", "uninstall", "--remove-data")).code, 0);
    assertEquals((await service("status")).stdout, "not installed\n");
  });
}

/** Asks and takes the answer, which comes in order. */
async function ask(host: Host, execute: string, parameters?: unknown) {
  await host.send(JSON.stringify({ execute, arguments: parameters }));
  return z.parse(Answer, await host.next());
}
