import { assertEquals, assertMatch } from "@std/assert";
import { serviceControlAsRoot } from "../../../lib/privileged/service_control.ts";
import {
  COMMAND_FAILED,
  INVALID_PARAMS,
  NOT_FOUND,
  PERMISSION_DENIED,
} from "../../_error_codes.ts";
import { rpcErrorOf } from "../_helpers.ts";
import { type Run, ScriptedRoot } from "./_scripted_root.ts";

const SECURITY = { managed_services: ["nginx", "app-*", "sshd.service"] };

/** A systemd with one unit, whose action ends as the test says. */
const systemd = (
  state: Readonly<Record<string, string>> = {},
  action: (run: Run) => { code?: number; stderr?: string } = () => ({}),
) =>
  new ScriptedRoot((run) => {
    if (run.program === "journalctl") return { stdout: "line 1\nbind failed\n" };
    if (run.args[0] !== "show") return action(run);
    const all = {
      Id: run.args.at(-1) ?? "",
      LoadState: "loaded",
      ActiveState: "active",
      SubState: "running",
      UnitFileState: "enabled",
      ...state,
    };
    return { stdout: Object.entries(all).map(([name, value]) => `${name}=${value}\n`).join("") };
  }, SECURITY);

const control = (root: ScriptedRoot, unit: string, action = "restart") =>
  Promise.try(() => serviceControlAsRoot.prepare({ unit, action }).run(root));

Deno.test("a listed service is controlled, and its state returned", async () => {
  const root = systemd();
  assertEquals(await control(root, "nginx"), {
    unit: "nginx.service",
    active_state: "active",
    sub_state: "running",
    enabled: "enabled",
  });
  assertEquals(root.commandLines[1], "systemctl --no-ask-password restart -- nginx.service");
  await control(systemd(), "app-1@x.service", "enable");
});

Deno.test("a service that is not listed is refused, also behind an alias that is", async () => {
  const root = systemd();
  const error = await rpcErrorOf(() => control(root, "dbus"));
  assertEquals([error.code, error.data.key], [PERMISSION_DENIED, "security.managed_services"]);
  assertEquals(root.runs, []);
  const alias = systemd({ Id: "ssh.service" });
  const behind = await rpcErrorOf(() => control(alias, "sshd"));
  assertEquals(behind.code, PERMISSION_DENIED);
  assertMatch(behind.message, /ssh\.service, which sshd\.service is another name of/);
  assertEquals(alias.runs.length, 1);
});

Deno.test("a unit that does not exist is -32002", async () => {
  const error = await rpcErrorOf(() => control(systemd({ LoadState: "not-found" }), "nginx"));
  assertEquals(error.code, NOT_FOUND);
});

Deno.test("a failure has the unit's state and the end of its log", async () => {
  const failing = systemd({ ActiveState: "failed", SubState: "failed" }, () => ({
    code: 1,
    stderr: "Job for nginx.service failed.\nSee the journal",
  }));
  const error = await rpcErrorOf(() => control(failing, "nginx"));
  assertEquals([error.code, error.data.active_state, error.data.log], [
    COMMAND_FAILED,
    "failed",
    ["line 1", "bind failed"],
  ]);
  assertMatch(error.message, /Job for nginx\.service failed\.$/);
});

Deno.test("a service that fails right after its start is a failure; one that stops is not", async () => {
  const root = () => systemd({ ActiveState: "failed" });
  assertEquals((await rpcErrorOf(() => control(root(), "nginx", "start"))).code, COMMAND_FAILED);
  await control(root(), "nginx", "stop");
});

for (
  const unit of [
    ...["../x", "-H host", "-H", "a b", "*.service", "nginx*", "", "a/b", "a\nb", "a".repeat(300)],
    ...["app-@.service", "app-@", "nginx.exe@", "$(id)", "nginx;id", ".nginx"],
  ]
) {
  Deno.test(`the unit ${JSON.stringify(unit.slice(0, 20))} is refused`, async () => {
    const root = systemd();
    const error = await rpcErrorOf(() => control(root, unit));
    assertEquals([error.code, root.runs], [INVALID_PARAMS, []]);
  });
}

Deno.test("OpenRC's services are controlled where there is no systemd", async () => {
  const root = new ScriptedRoot(() => ({}), SECURITY);
  root.missing = ["systemctl"];
  assertEquals(await control(root, "nginx"), { unit: "nginx", active_state: "active" });
  await control(root, "nginx", "enable");
  assertEquals(root.commandLines.filter((line) => !/--exists|status/.test(line)), [
    "rc-service nginx restart",
    "rc-update add nginx default",
  ]);
  const failing = new ScriptedRoot(({ args }) => ({
    code: args[1] === "restart" ? 1 : 0,
    stderr: "no",
  }), SECURITY);
  failing.missing = ["systemctl"];
  assertEquals((await rpcErrorOf(() => control(failing, "nginx"))).code, COMMAND_FAILED);
});

Deno.test("without either it says so", async () => {
  const root = new ScriptedRoot(() => ({}), SECURITY);
  root.missing = ["systemctl", "rc-service"];
  assertMatch(
    (await rpcErrorOf(() => control(root, "nginx"))).message,
    /neither systemd nor OpenRC/,
  );
});
