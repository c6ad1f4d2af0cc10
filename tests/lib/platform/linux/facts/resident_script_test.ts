import { assertEquals, assertNotEquals } from "@std/assert";
import { ResidentScript } from "../../../../../lib/platform/linux/facts/resident_script.ts";
import { NEVER, rpcErrorOf } from "../../../_helpers.ts";
import { until, within } from "../../../../_waiting.ts";
import { isAlive } from "../../../../_processes.ts";
import { ROOT } from "../../../../_deno.ts";

const PATIENT = { timeoutMs: 20_000, signal: NEVER };

/** Answers with its process id and the question; some questions make it misbehave. */
const ECHO = `
while read -r question; do
  case $question in
    exit) exit ;;
    hang) exec sleep 300 ;;
    half) echo half; exec sleep 300 ;;
    flood) while :; do printf '%4096s' x; done ;;
    long) printf '%100000s\\n' x ;;
    *) echo "$$ $question" ;;
  esac
  echo end
done
`;

const pidIn = (answer: string) => Number(answer.split(" ")[0]);

async function pidOf(script: ResidentScript): Promise<number> {
  return pidIn(await script.ask("pid\n", PATIENT));
}

Deno.test("a resident script answers all questions with one process", async () => {
  await using script = new ResidentScript(ECHO);
  const first = await script.ask("one\n", PATIENT);
  const second = await script.ask("two\n", PATIENT);
  assertEquals(first, `${pidIn(first)} one\n`);
  assertEquals(second, `${pidIn(first)} two\n`);
});

Deno.test("questions asked together each get their own answer", async () => {
  await using script = new ResidentScript(ECHO);
  const questions = Array.from({ length: 20 }, (_, index) => `question ${index}`);
  const answers = await Promise.all(
    questions.map((question) => script.ask(`${question}\n`, PATIENT)),
  );
  assertEquals(
    answers.map((answer) => answer.replace(/^\d+ /, "")),
    questions.map((q) => `${q}\n`),
  );
});

Deno.test("an answer may be empty, have several lines or be longer than the buffer", async () => {
  await using script = new ResidentScript("while read -r n; do seq 1 $n; echo end; done");
  for (const count of [0, 1, 2, 20_000, 3]) {
    const numbers = Array.from({ length: count }, (_, index) => `${index + 1}\n`).join("");
    assertEquals(await script.ask(`${count}\n`, PATIENT), numbers);
  }
});

Deno.test("a script has a clean environment and the root directory", async () => {
  await using script = new ResidentScript("read -r _; pwd; env; echo end; read -r _");
  const answer = await script.ask("\n", PATIENT);
  assertEquals(answer.split("\n").filter((line) => !/^(PWD|_|OLDPWD|SHLVL)=/.test(line)).sort(), [
    "",
    "/",
    "LC_ALL=C",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  ]);
});

Deno.test("a script that was killed is restarted for the next question", async () => {
  await using script = new ResidentScript(ECHO);
  const pid = await pidOf(script);
  Deno.kill(pid, "SIGKILL");
  await until(async () => !await isAlive(pid), "the script is gone");
  assertNotEquals(await pidOf(script), pid);
});

Deno.test("a script that exits without an answer gives -32000, and the next question works", async () => {
  await using script = new ResidentScript(ECHO);
  assertEquals((await rpcErrorOf(() => script.ask("exit\n", PATIENT))).code, -32000);
  await pidOf(script);
});

Deno.test("an answer over 1 MiB gives -32000, and the script is ended", async () => {
  await using script = new ResidentScript(ECHO);
  const pid = await pidOf(script);
  assertEquals((await rpcErrorOf(() => script.ask("flood\n", PATIENT))).code, -32000);
  await until(async () => !await isAlive(pid), "the script is gone");
});

for (const question of ["hang", "half"]) {
  Deno.test(`a script that stops in the middle (${question}) gives -32003, and the next question works`, async () => {
    await using script = new ResidentScript(ECHO);
    const pid = await pidOf(script);
    const error = await rpcErrorOf(() =>
      script.ask(`${question}\n`, { timeoutMs: 50, signal: NEVER })
    );
    assertEquals(error.code, -32003);
    await until(async () => !await isAlive(pid), "the script is gone");
    assertNotEquals(await pidOf(script), pid);
  });
}

Deno.test("the time limit includes the wait for earlier questions", async () => {
  await using script = new ResidentScript(ECHO);
  const controller = new AbortController();
  const hanging = script.ask("hang\n", { ...PATIENT, signal: controller.signal });
  const waiting = await rpcErrorOf(() => script.ask("x\n", { timeoutMs: 50, signal: NEVER }));
  assertEquals(waiting.code, -32003);
  const next = script.ask("next\n", PATIENT);
  controller.abort(new Error("stopped"));
  assertEquals(await hanging.then(() => "answered", (error) => error.message), "stopped");
  assertEquals((await next).replace(/^\d+ /, ""), "next\n");
});

Deno.test("a question ends with the signal's reason, before or while it is asked", async () => {
  await using script = new ResidentScript(ECHO);
  const reason = new Error("stopped");
  const signal = AbortSignal.abort(reason);
  const before = script.ask("x\n", { ...PATIENT, signal }).then(() => null, (error) => error);
  assertEquals(await before, reason);
  const controller = new AbortController();
  const during = script.ask("hang\n", { ...PATIENT, signal: controller.signal })
    .then(() => null, (error) => error);
  controller.abort(reason);
  assertEquals(await during, reason);
});

Deno.test("a script without questions is stopped after a while and started when needed", async () => {
  await using script = new ResidentScript(ECHO, 20);
  const pid = await pidOf(script);
  await until(async () => !await isAlive(pid), "the script is gone");
  assertNotEquals(await pidOf(script), pid);
});

Deno.test("a script ends when its agent is killed", async () => {
  const agent = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      `--config=${ROOT}deno.json`,
      `${ROOT}tests/lib/platform/linux/facts/_ask_and_stay.ts`,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = agent.stdout.getReader();
  const { value } = await within(reader.read(), "the script's process id");
  const pid = Number(new TextDecoder().decode(value));
  assertEquals(await isAlive(pid), true);
  agent.kill("SIGKILL");
  await agent.status;
  await until(async () => !await isAlive(pid), "the script is gone");
  await reader.cancel();
});
