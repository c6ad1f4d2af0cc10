/**
 * `kvmmanager-ctl agent update`, with an agent that ends while it is replaced.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import * as z from "zod";
import { agentUpdate } from "../../../handlers/packages/agent_update.ts";
import { pauseAfter } from "../../../host/ctl/commands/agent.ts";
import { EXIT } from "../../../host/ctl/exit.ts";
import { TempDirectory } from "../../lib/_helpers.ts";
import { answerWell, errorLine, resultLine, ScriptedAgent } from "../_scripted_agent.ts";
import { ctl } from "./_ctl.ts";

const NAME = "kvmmanager-agent_1.1.0_amd64.deb";
const SUM = "ab".repeat(32);
const COMMIT = { path: `/tmp/kvmmanager/${NAME}`, size_bytes: 3, sha256: SUM, permissions: "0644" };

/** Runs an update of a guest that tells these states one after the other. */
async function update(states: readonly Readonly<Record<string, unknown>>[], sums?: string) {
  await using directory = await TempDirectory.make();
  const socket = directory.at("s");
  await Deno.writeTextFile(directory.at(NAME), "deb");
  await Deno.writeTextFile(directory.at("SHA256SUMS"), sums ?? `${SUM}  ${NAME}\n`);
  await Deno.writeFile(directory.at("SHA256SUMS.sig"), new Uint8Array(64));
  await using agent = new ScriptedAgent(socket);
  const left = [...states];
  agent.answerer = (request) => {
    switch (request.method) {
      case "file_stat":
        return { text: errorLine(request, -32002, "no such file") };
      case "file_write":
        return { text: resultLine(request, { bytes_written: 3, path: COMMIT.path }) };
      case "file_commit":
        return { text: resultLine(request, COMMIT) };
      case "agent_update":
        return { text: resultLine(request, agentUpdate.example.result) };
      case "agent_update_status": {
        const next = left.shift();
        if (next?.state === "unknown") return { text: errorLine(request, -32000, "no broker") };
        // The agent is being replaced.
        return next === undefined || next.state === undefined
          ? { text: "", hangUp: true }
          : { text: resultLine(request, next) };
      }
      default:
        return answerWell(request);
    }
  };
  const words = ["agent", "update", "--package", directory.at(NAME), "--socket", socket];
  const { code, stdout, stderr } = await ctl(words);
  const sent = agent.requests.find(({ method }) => method === "agent_update");
  return { code, stdout, stderr, params: sent?.params };
}

const none = { state: "none" };
const outcome = { started_at: 2, sha256: SUM, from_version: "1.0.0", to_version: "1.1.0" };

Deno.test("ctl agent update waits for the new agent, and tells the versions", async () => {
  const earlier = { state: "restored", ...outcome, started_at: 1 };
  const { code, stdout, params } = await update([
    earlier,
    earlier,
    { state: "running", sha256: SUM, started_at: 2 },
    {},
    { state: "installed", ...outcome },
  ]);
  assertEquals([code, stdout], [EXIT.ok, "the agent is 1.1.0 now; it was 1.0.0\n"]);
  const { job_id: _, ...rest } = z.parse(z.looseObject({ job_id: z.string() }), params);
  assertEquals(rest, {
    path: COMMIT.path,
    sums: `${SUM}  ${NAME}\n`,
    signature: `${"A".repeat(86)}==`,
    downgrade: false,
  });
});

Deno.test("ctl agent update goes on while the broker is being replaced", async () => {
  const { code, stdout } = await update([
    none,
    { state: "running", sha256: SUM, started_at: 2 },
    { state: "unknown" },
    { state: "installed", ...outcome },
  ]);
  assertEquals([code, stdout], [EXIT.ok, "the agent is 1.1.0 now; it was 1.0.0\n"]);
});

Deno.test("ctl agent update asks again soon after minutes without an agent", () => {
  assertEquals([10, 4000, 200_000].map(pauseAfter), [1000, 4000, 10_000]);
});

Deno.test("ctl agent update fails if the old agent was put back, or nothing was changed", async () => {
  const reason = "the new agent was not up within 60 s";
  const restored = await update([none, { state: "restored", ...outcome, reason }]);
  assertEquals(restored.code, EXIT.errorAnswer);
  assertMatch(restored.stderr, /was not up within 60 s; the guest has put 1\.0\.0 back/);
  const refused = await update([none, { ...outcome, state: "refused", reason: "it is for arm64" }]);
  assertEquals(refused.code, EXIT.errorAnswer);
  assertMatch(refused.stderr, /it is for arm64; nothing was changed in the guest/);
  const other = await update([none, { state: "installed", ...outcome, sha256: "cd".repeat(32) }]);
  assertEquals(other.code, EXIT.errorAnswer);
  assertMatch(other.stderr, /another update was running/);
});

Deno.test("ctl agent update needs SHA256SUMS with the package beside it", async () => {
  const { code, stderr } = await update([], `${SUM}  other.deb\n`);
  assertEquals(code, EXIT.usage);
  assertMatch(stderr, /SHA256SUMS does not list kvmmanager-agent_1\.1\.0_amd64\.deb/);
});

Deno.test("ctl agent update says what is missing beside the package", async () => {
  await using directory = await TempDirectory.make();
  const tryUpdate = async (file: string) => {
    const words = ["agent", "update", "--package", file, "--socket", directory.at("none")];
    const { code, stderr } = await ctl(words);
    assertEquals(code, EXIT.usage, stderr);
    return stderr;
  };
  const file = directory.at(NAME);
  assertMatch(await tryUpdate(file), /no .*amd64\.deb: --package needs a package with SHA256SUMS/);
  assertMatch(await tryUpdate(directory.path), /is not a file/);
  await Deno.writeTextFile(file, "deb");
  assertMatch(await tryUpdate(file), /no .*\/SHA256SUMS: /);
  await Deno.writeTextFile(directory.at("SHA256SUMS"), `${SUM}  ${NAME}\n`);
  assertMatch(await tryUpdate(file), /no .*\/SHA256SUMS\.sig: /);
});
