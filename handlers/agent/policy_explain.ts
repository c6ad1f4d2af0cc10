import * as z from "zod";
import { RpcError } from "../../lib/base/errors.ts";
import { type AgentServices, method, type PolicyRule } from "../../lib/core/method.ts";
import { requireGroup } from "../../lib/policy/groups.ts";

/** `policy_explain`: whether the configuration allows a request, and which rule decides. */
export const policyExplain = method({
  name: "policy_explain",
  capability: "policy_explain",
  access: "see",
  summary: "Says whether a request would be allowed, and which rule decides, without doing it.",
  notes: [
    "Checks what the configuration decides: the method's group, its parameters, paths, the command " +
    "whitelist, the environment, sizes, time limits, and which users, groups and services the host may " +
    "manage. `rules` are the rules that allow it, with " +
    "the `entry` of a list that matched. Refused, `code` and `reason` are those of the error that " +
    "the request would get.",
    "Only the guest itself can tell the rest, when the request is made: symbolic links, permissions " +
    "of files, what exists. `params` are not recorded anywhere.",
  ],
  params: () => z.strictObject({ method: z.string(), params: z.optional(z.unknown()) }),
  result: () =>
    z.strictObject({
      method: z.string(),
      decision: z.enum(["allowed", "refused"]),
      code: z.optional(z.int()),
      reason: z.optional(z.string()),
      rules: z.array(z.strictObject({
        key: z.string(),
        entry: z.string(),
        parameter: z.optional(z.string()),
      })),
    }),
  audited: false,
  example: {
    params: { method: "file_write", params: { path: "/etc/passwd", content: "" } },
    result: {
      method: "file_write",
      decision: "refused",
      code: -32001,
      reason: "/etc/passwd is outside allowed_write_paths (/tmp/kvmmanager)",
      rules: [{ key: "security.allow", entry: "file-write" }],
    },
  },
  run: ({ method: name, params }, services) => {
    const rules: PolicyRule[] = [];
    try {
      explain(name, params, services, rules);
      return { method: name, decision: "allowed" as const, rules };
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      const { code, data: { reason } } = error;
      return { method: name, decision: "refused" as const, code, reason, rules };
    }
  },
});

/**
 * Adds the rules that allow the request, in the order in which they are checked.
 *
 * @throws {RpcError} if one refuses it.
 */
function explain(
  name: string,
  params: unknown,
  services: AgentServices,
  rules: PolicyRule[],
): void {
  const method = services.methods.find((one) => one.name === name);
  if (method === undefined) throw new RpcError("methodNotFound", `no method ${shown(name)}`);
  const { access } = method;
  requireGroup(name, access, services.config.security.allow, services.configFile);
  if (access !== "always") rules.push({ key: "security.allow", entry: access });
  rules.push(...(method.prepare(params ?? {}).rules?.(services) ?? []));
  if (!method.available(services)) {
    throw new RpcError("commandFailed", `this guest, or its configuration, cannot ${name}`);
  }
}

const shown = (name: string) => JSON.stringify(name.slice(0, 100));
