/**
 * The self-check for real Windows machines, under Wine: it runs there, and finds what Wine lacks.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path/posix";
import { toWindows, type Wine } from "../../scripts/windows/wine.ts";
import { ROOT } from "../_deno.ts";
import { PortOfWine } from "./_wine.ts";

const BUNDLE = toWindows(
  fromFileUrl(new URL("../../dist/selfcheck-windows.js", import.meta.url)),
);
const PORT = "org.kvmmanager.selfcheck";

const EXPECTED: Readonly<Record<string, string>> = {
  "the self-check runs as an administrator": "passed",
  "ending a command ends what it has started": "passed",
  "a job object limits processor time": "failed",
  "the agent's files are for SYSTEM and administrators alone": "failed",
  "the agent's directories are for SYSTEM and administrators alone": "failed",
  "a file that is replaced keeps its access control list": "failed",
  "a file that is being read is replaced": "failed",
  "a junction is refused": "unknown",
  "a symbolic link is refused": "unknown",
  "no other process can have a pipe of the same name": "failed",
  "the pipe has the configured access control list": "passed",
  "the pipe refuses clients from the network": "unknown",
  "the service manager takes every setting": "failed",
  "the service manager starts a service": "passed",
  "a service has the privileges that it needs, and no others": "failed",
  "Windows takes every limit of the service's own process": "failed",
  "the resident memory of the service is limited": "failed",
  "the committed memory of the service is limited": "failed",
  "a service that has crashed is started again": "failed",
  "the service manager stops a service": "passed",
  "entries reach the application log": "failed",
  "the port's driver tells whether a host is connected": "unknown",
  "the port writes while a read waits, and a read can be cancelled": "passed",
  "a port without a host refuses reads and writes at once": "unknown",
};

/** Runs it, and compares its rows with what Wine has. */
export async function selfcheckSteps(t: Deno.TestContext, wine: Wine): Promise<void> {
  const port = await PortOfWine.open(wine, PORT);
  await using _port = port;

  await t.step("tells what Wine has and what it lacks", async () => {
    const args = ["run", "-A", BUNDLE, `--port=\\\\.\\${PORT}`];
    const options = { stdout: "piped", stderr: "piped" } as const;
    const { code, stdout, stderr } = await wine.deno(args, options).output();
    const decoder = new TextDecoder();
    const text = decoder.decode(stdout);
    const rows = text.matchAll(/^(passed|failed|unknown) +(.*?)(?: {2,}.*)?$/gm);
    const found = Object.fromEntries(Array.from(rows, ([, result, name]) => [name, result]));
    assertEquals(found, EXPECTED, text + decoder.decode(stderr));
    assertEquals(code, 1);
  });

  await t.step("leaves no service behind", async () => {
    const key = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\KVMManagerSelfCheck";
    assertEquals((await wine.command("reg", ["query", key]).output()).code, 1);
  });

  await t.step("has a row in docs/windows.md for all that it cannot show under Wine", async () => {
    const document = await Deno.readTextFile(`${ROOT}docs/windows.md`);
    for (const [name, result] of Object.entries(EXPECTED)) {
      assert(result === "passed" || document.includes(`"${name}"`), name);
    }
  });
}
