/**
 * Shutdown and reboot, ordered and forced.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { AnswerError } from "../../host/errors.ts";
import { printError } from "../../lib/base/terminal.ts";
import type { Guest } from "../../scripts/vm/guest.ts";
import { slowdown } from "../../scripts/vm/patience.ts";
import { bootGuest } from "./_guest.ts";
import { PERMISSION_DENIED } from "../_error_codes.ts";

const OFF_MS = 120_000;
const REBOOT_MS = 240_000;
const TIMEOUT_SECONDS = 10;
/** A forced power-off under emulation. */
const FORCED_SECONDS = 30;

/** Requests a shutdown or reboot and reads the answer. */
async function ask(guest: Guest, method: "shutdown" | "reboot", params: object): Promise<void> {
  const client = await guest.client();
  await using _client = client;
  await client.callUnchecked(method, params, { timeoutMs: 20_000 * slowdown() });
}

async function secondsUntilOff(guest: Guest): Promise<number> {
  const start = performance.now();
  assert(await guest.machine.ended(OFF_MS), "the guest is off");
  return (performance.now() - start) / 1000;
}

/** A service that only SIGKILL can stop. */
const STUBBORN = `cat > /etc/systemd/system/stubborn.service <<'END'
[Service]
ExecStart=/bin/sh -c 'trap "" TERM; while :; do sleep 1; done'
ExecStop=/bin/sleep infinity
TimeoutStopSec=infinity
END
systemctl daemon-reload
systemctl start stubborn.service`;

Deno.test("power", async (t) => {
  const guest = await bootGuest();
  await using _guest = guest;

  await t.step("without its units it is refused with -32001 and nothing happens", async () => {
    const units = "kvmmanager-agent-poweroff.path kvmmanager-agent-reboot.path";
    await guest.root(`systemctl stop ${units}`);
    for (const method of ["shutdown", "reboot"] as const) {
      const error = await assertRejects(() => ask(guest, method, {}), AnswerError);
      assertEquals(error.code, PERMISSION_DENIED);
    }
    await guest.root(`systemctl start ${units}`);
  });

  await t.step(
    "a reboot kills a service that does not stop after the timeout, not before",
    async () => {
      const boot = await guest.root("cat /proc/sys/kernel/random/boot_id");
      await guest.root(STUBBORN);
      const start = performance.now();
      const seconds = () => (performance.now() - start) / 1000;
      {
        const qmp = await guest.machine.qmp();
        await using _qmp = qmp;
        await ask(guest, "reboot", { timeout_seconds: TIMEOUT_SECONDS });
        await qmp.take("RESET", OFF_MS * slowdown());
      }
      printError(`reset ${seconds().toFixed(1)} s after reboot with ${TIMEOUT_SECONDS} s of grace`);
      assert(seconds() >= TIMEOUT_SECONDS - 1, `${seconds()} s`);
      await guest.ready(REBOOT_MS);
      printError(`ready again ${seconds().toFixed(1)} s after reboot`);
      await guest.rootReady();
      assert(await guest.root("cat /proc/sys/kernel/random/boot_id") !== boot, "a new boot");
    },
  );

  await t.step("a shutdown powers the guest off", async () => {
    await ask(guest, "shutdown", {});
    printError(`off ${(await secondsUntilOff(guest)).toFixed(1)} s after shutdown`);
  });

  await t.step("with force, a service that does not stop delays nothing", async () => {
    await guest.powerOn();
    await guest.ready();
    await guest.rootReady();
    await guest.root(STUBBORN);
    await ask(guest, "shutdown", { force: true, timeout_seconds: 60 });
    const seconds = await secondsUntilOff(guest);
    printError(`off ${seconds.toFixed(1)} s after a forced shutdown`);
    // Without force it would be the whole minute, on a machine that does nothing else.
    assert(
      seconds < FORCED_SECONDS * slowdown(),
      `${seconds} s; the guest's console:\n${await guest.machine.console()}`,
    );
  });
});
