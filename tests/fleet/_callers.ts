/**
 * Clients of a fleet in the test's process, and callers that keep a VM busy while something breaks.
 *
 * @module
 */

import { assertEquals, fail } from "@std/assert";
import { CallError } from "../../host/errors.ts";
import { FleetClient, type FleetVm } from "../../host/fleet/client.ts";
import { until } from "../_waiting.ts";
import type { ScriptedRequest } from "../host/_scripted_agent.ts";
import type { NatsServer, NatsUser } from "./_nats.ts";

const CALLERS = 8;
const MORE_CALLS = 50;
const TIMEOUT_MS = 20_000;

/** Connects as one of the example's users. */
export const connect = (
  nats: NatsServer,
  user: NatsUser = "OPERATOR",
  tenant?: string,
): Promise<FleetClient> =>
  FleetClient.connect({ url: nats.url, credentialsFile: nats.credentials(user) }, tenant);

/** The VM of this name. */
export async function vmOf(fleet: FleetClient, name: string): Promise<FleetVm> {
  const { vms } = await fleet.list();
  return vms.find((vm) => vm.name === name) ?? fail(`no VM ${name}`);
}

/** Callers of `exec_command`, each command with a name of its own. */
export class Callers {
  readonly #outcomes: string[] = [];
  readonly #calling: readonly Promise<void>[];
  #isOver = false;

  /** They begin at once. */
  constructor(fleet: FleetClient, vm: FleetVm) {
    this.#calling = Array.from({ length: CALLERS }, async (_, number) => {
      for (let round = 0; !this.#isOver; round++) {
        const params = { command: `${number}/${round}` };
        const outcome = await fleet.call(vm, "exec_command", params, { timeoutMs: TIMEOUT_MS })
          .then(() => "ok", (error) => error instanceof CallError ? error.message : String(error));
        this.#outcomes.push(outcome);
      }
    });
  }

  /** Resolves when many more calls have ended. */
  async more(): Promise<void> {
    const before = this.#outcomes.length;
    await until(() => this.#outcomes.length > before + MORE_CALLS, "calls");
  }

  /**
   * Ends them; fails unless each call succeeded, and was carried out once.
   *
   * @param requests What the agent was asked.
   */
  async end(requests: readonly ScriptedRequest[]): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#calling);
    const commands = requests.filter(({ method }) => method === "exec_command")
      .map(({ params }) => JSON.stringify(params));
    assertEquals(new Set(commands).size, commands.length, "a command ran twice");
    assertEquals(this.#outcomes.filter((outcome) => outcome !== "ok"), []);
  }
}
