/**
 * The agent as a service of Wine's service manager.
 *
 * @module
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runAgent } from "../../scripts/windows/agent.ts";
import type { Wine } from "../../scripts/windows/wine.ts";
import { PortOfWine } from "./_wine.ts";

const PORT = "org.kvmmanager.service";
const CONFIG = "C:\\service-config.json";
const LOG = "C:\\service.log";

/** What the registry has below a key, as `reg query` prints it. */
async function registry(wine: Wine, key: string): Promise<string> {
  const { stdout } = await wine.command("reg", ["query", key], { stdout: "piped" }).output();
  return new TextDecoder().decode(stdout);
}

/** Sends a control to the service, as `sc control` does, which Wine lacks. */
async function control(wine: Wine, code: number): Promise<void> {
  const script = `
    const wide = (text) => Uint16Array.from(text + "\\0", (unit) => unit.charCodeAt(0));
    const { symbols } = Deno.dlopen("advapi32.dll", {
      OpenSCManagerW: { parameters: ["pointer", "pointer", "u32"], result: "pointer" },
      OpenServiceW: { parameters: ["pointer", "buffer", "u32"], result: "pointer" },
      ControlService: { parameters: ["pointer", "u32", "buffer"], result: "i32" },
    });
    const manager = symbols.OpenSCManagerW(null, null, 1);
    const service = symbols.OpenServiceW(manager, wide("KVMManagerAgent"), 0xf01ff);
    Deno.exit(1 - symbols.ControlService(service, ${code}, new Uint32Array(7)));
  `;
  const { code: status } = await wine.deno(["eval", "--no-check", script]).output();
  assertEquals(status, 0);
}

/** Waits until the agent's log has a message. */
async function logged(wine: Wine, message: string): Promise<void> {
  while (true) {
    const log = await Deno.readTextFile(`${wine.drive}/service.log`).catch(() => "");
    if (log.includes(message)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Installs, uses and removes the service. */
export async function serviceSteps(t: Deno.TestContext, wine: Wine): Promise<void> {
  const service = async (...args: readonly string[]) => await runAgent(wine, "service", ...args);
  const write = (config: unknown) =>
    Deno.writeTextFile(`${wine.drive}/service-config.json`, JSON.stringify(config));
  const port = await PortOfWine.open(wine, PORT);
  await using _port = port;
  const { host } = port;

  await t.step("status tells that there is none", async () => {
    assertEquals(await service("status"), { code: 1, stdout: "not installed\n", stderr: "" });
  });

  await t.step("refuses options that the service could not use", async () => {
    const { code, stderr } = await service("install", "--config=agent.json");
    assertEquals(code, 64);
    assertStringIncludes(stderr, "--config must be a full path for a service");
    await write({ log_level: "loud" });
    assertEquals((await service("install", `--config=${CONFIG}`)).code, 78);
    assertEquals((await service("install", "--set", "log_level=loud")).code, 78);
  });

  await t.step("is installed with the permissions of its configuration", async () => {
    await write({ log_file: LOG, security: { allowed_read_paths: ["C:\\some folder"] } });
    const args = ["install", `--config=${CONFIG}`, `--channel=device:\\\\.\\${PORT}`];
    const { code, stdout, stderr } = await service(...args);
    assertEquals([code, stdout], [0, "the service is installed\n"], stderr);
    const key = await registry(
      wine,
      "HKLM\\SYSTEM\\CurrentControlSet\\Services\\KVMManagerAgent",
    );
    assertMatch(key, /ImagePath.*"--allow-read=[^"]*C:\\service-config.json,C:\\some folder"/);
    assertMatch(key, /ImagePath.*service run --power=windows/);
    assertMatch(key, /ObjectName\s+REG_SZ\s+LocalSystem/);
    assertMatch(key, /Start\s+REG_DWORD\s+0x2/);
    assertMatch(key, /Environment\s+REG_MULTI_SZ\s+DENO_DIR=C:\\ProgramData\\KVMManager\\cache/);
    assertMatch(
      await registry(
        wine,
        "HKLM\\SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\KVMManagerAgent",
      ),
      /EventMessageFile\s+REG_EXPAND_SZ\s+%SystemRoot%\\System32\\EventCreate.exe/,
    );
  });

  await t.step("starts, and serves the host", async () => {
    const started = await service("start");
    assertEquals(started.code, 0, started.stderr);
    await port.greeting();
    await host.ping();
    const { code, stdout } = await service("status");
    assertEquals(code, 0);
    assertMatch(stdout, /^running, process \d+\n$/);
  });

  await t.step("is confined, and limited by a job of its own", async () => {
    const log = await Deno.readTextFile(`${wine.drive}/service.log`);
    assertStringIncludes(log, "confined: Deno denies access outside");
    // The one limit that Wine does not know.
    assertEquals(log.match(/refuses some of the agent's own protection/g)?.length, 1);
    assertStringIncludes(log, "processor time: Invalid parameter");
  });

  await t.step("reloads its configuration when told that parameters have changed", async () => {
    await write({ log_file: LOG, log_level: "debug" });
    await control(wine, 6);
    await logged(wine, '"configuration reloaded","config":"C:\\\\service-config.json"');
  });

  await t.step("stops", async () => {
    const stopped = await service("stop");
    assertEquals(stopped.code, 0, stopped.stderr);
    assertEquals(await service("status"), { code: 1, stdout: "stopped\n", stderr: "" });
    await logged(wine, '"message":"stopping","by":"the service manager"');
    await logged(wine, '"message":"agent stopped"');
  });

  await t.step("tells with what status it could not start", async () => {
    await write({ log_level: "loud" });
    const { code, stderr } = await service("start");
    assertEquals(code, 69);
    assertStringIncludes(stderr, "it is stopped, with exit status 78");
  });

  await t.step("is brought up to date by another install", async () => {
    await write({});
    assertEquals((await service("install", "--power=none")).code, 0);
    assertMatch(
      await registry(wine, "HKLM\\SYSTEM\\CurrentControlSet\\Services\\KVMManagerAgent"),
      /service run --power=none\r?\n/,
    );
  });

  await t.step("is removed, with what the agent has written if that is wanted", async () => {
    const data = `${wine.drive}/ProgramData/KVMManager`;
    await Deno.writeTextFile(`${data}/agent-config.json`, "{}");
    await Deno.writeTextFile(`${data}/agent.log`, "");
    const { code, stdout } = await service("uninstall", "--remove-data");
    assertEquals([code, stdout], [0, "the service is removed\n"]);
    const left = await Array.fromAsync(Deno.readDir(data));
    assertEquals(left.map(({ name }) => name), ["agent-config.json"]);
    await Deno.remove(data, { recursive: true });
    const source = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application";
    assertEquals((await registry(wine, source)).includes("KVMManagerAgent"), false);
  });
}
