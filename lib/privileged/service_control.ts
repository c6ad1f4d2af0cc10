import * as z from "zod";
import { commandFailed, notFound, permissionDenied } from "../base/errors.ts";
import { isManaged } from "../policy/managed.ts";
import { asRoot, firstLine, operation, type Root } from "./operation.ts";

const ACTIONS = ["start", "stop", "restart", "reload", "enable", "disable"] as const;
type Action = (typeof ACTIONS)[number];

const ACTION_MS = 120_000;
const LOG_LINES = 20;
const MAX_LOG_CHARACTERS = 8000;
const TYPES = "service|socket|timer|path|target|mount";
/** A unit with its type, or a service without; an instance may follow `@`, and must. */
const UNIT_REGEXP = new RegExp(
  `^[A-Za-z0-9_][A-Za-z0-9_.:\\\\-]*(@[A-Za-z0-9_:\\\\-][A-Za-z0-9_.:\\\\-]*)?(\\.(${TYPES}))?$`,
);

/** `service_control`: starts, stops and enables services. */
export const serviceControlOperation = operation({
  name: "service_control",
  group: "services",
  params: () =>
    z.strictObject({
      unit: z.string().check(
        z.maxLength(255),
        z.refine(
          (name) => UNIT_REGEXP.test(name),
          "must be the name of a unit, such as nginx or sshd@1.service, without patterns",
        ),
      ),
      action: z.enum(ACTIONS),
    }),
  result: () =>
    z.strictObject({
      unit: z.string(),
      active_state: z.string(),
      sub_state: z.optional(z.string()),
      enabled: z.optional(z.string()),
    }),
  target: ({ unit, action }) => ({ unit, action }),
});

/** How root performs it. */
export const serviceControlAsRoot = /* @__PURE__ */ asRoot(serviceControlOperation, {
  programs: ["systemctl", "journalctl", "rc-service", "rc-update"],
  run: async ({ unit, action }, root) => {
    if (root.has("systemctl")) return await controlUnit(fullName(unit), action, root);
    if (root.has("rc-service")) return await controlOpenRc(unit, action, root);
    throw commandFailed("this guest has neither systemd nor OpenRC");
  },
});

const fullName = (unit: string) =>
  new RegExp(`\\.(${TYPES})$`).test(unit) ? unit : `${unit}.service`;

/** @throws {RpcError} -32001 if the configuration does not let the host control the unit. */
function requireListed(unit: string, root: Root, alias?: string): void {
  const { managed_services } = root.config.security;
  if ([unit, unit.replace(/\.service$/, "")].some((name) => isManaged(name, managed_services))) {
    return;
  }
  const which = alias === undefined ? unit : `${unit}, which ${alias} is another name of`;
  throw permissionDenied(`security.managed_services does not list ${which}`, {
    unit,
    key: "security.managed_services",
  });
}

interface UnitState {
  readonly id: string;
  readonly load: string;
  readonly active: string;
  readonly sub: string;
  readonly enabled: string;
}

async function stateOf(unit: string, root: Root): Promise<UnitState> {
  const properties = "Id,LoadState,ActiveState,SubState,UnitFileState";
  const { stdout } = await root.run("systemctl", ["show", `--property=${properties}`, "--", unit]);
  const found = new Map(
    stdout.split("\n").map((line): [string, string] => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  const value = (name: string) => found.get(name) ?? "";
  return {
    id: value("Id") || unit,
    load: value("LoadState"),
    active: value("ActiveState"),
    sub: value("SubState"),
    enabled: value("UnitFileState"),
  };
}

async function controlUnit(unit: string, action: Action, root: Root) {
  requireListed(unit, root);
  const { id, load } = await stateOf(unit, root);
  if (load === "not-found" || load === "") throw notFound(`no unit ${unit}`, { unit });
  // An alias must not reach a unit that is not listed.
  if (id !== unit) requireListed(id, root, unit);
  const args = ["--no-ask-password", action, "--", id];
  const { code, stderr } = await root.run("systemctl", args, { timeoutMs: ACTION_MS });
  const after = await stateOf(id, root);
  const result = {
    unit: id,
    active_state: after.active,
    sub_state: after.sub,
    ...after.enabled === "" ? {} : { enabled: after.enabled },
  };
  const mustRun = action === "start" || action === "restart";
  if (code === 0 && !(mustRun && after.active === "failed")) return result;
  throw commandFailed(
    `${action} of ${id} failed: ${firstLine(stderr) || `it is ${after.active}`}`,
    { ...result, log: await lastLines(id, root) },
  );
}

/** The end of the unit's log, for whoever wants to know why it failed. */
async function lastLines(unit: string, root: Root): Promise<string[]> {
  if (!root.has("journalctl")) return [];
  const { stdout } = await root.run("journalctl", [
    "--no-pager",
    "--quiet",
    "--output=cat",
    `--lines=${LOG_LINES}`,
    `--unit=${unit}`,
  ]);
  return stdout.slice(-MAX_LOG_CHARACTERS).trimEnd().split("\n");
}

async function controlOpenRc(service: string, action: Action, root: Root) {
  const name = service.replace(/\.service$/, "");
  requireListed(name, root);
  if ((await root.run("rc-service", ["--exists", name])).code !== 0) {
    throw notFound(`no service ${name}`, { unit: name });
  }
  const { code, stdout, stderr } = action === "enable"
    ? await root.run("rc-update", ["add", name, "default"])
    : action === "disable"
    ? await root.run("rc-update", ["del", name, "default"])
    : await root.run("rc-service", [name, action], { timeoutMs: ACTION_MS });
  const status = await root.run("rc-service", [name, "status"]);
  const result = { unit: name, active_state: status.code === 0 ? "active" : "inactive" };
  if (code === 0) return result;
  const said = `${stdout}${stderr}`.trim().split("\n").slice(-LOG_LINES);
  throw commandFailed(`${action} of ${name} failed with status ${code}`, { ...result, log: said });
}
