import { permissionDenied } from "../lib/base/errors.ts";
import type { AgentServices, PolicyRule } from "../lib/core/method.ts";
import { isManaged } from "../lib/policy/managed.ts";

/**
 * The rules that let the host manage something, for `policy_explain`. The broker checks the same
 * lists again, and that no pattern reaches users of the system, which only it can tell.
 *
 * @param list The list in the configuration.
 * @param parameter The parameter that has the names.
 * @param names Each has to be listed, in one of its forms.
 * @throws {RpcError} -32001 if one is not listed.
 */
export function managedRules(
  { config: { security } }: AgentServices,
  list: "managed_users" | "managed_groups" | "managed_services",
  parameter: string,
  ...names: readonly (readonly string[])[]
): PolicyRule[] {
  const key = `security.${list}`;
  return names.map((forms) => {
    const entry = security[list].find((pattern) =>
      forms.some((name) => isManaged(name, [pattern]))
    );
    if (entry !== undefined) return { key, entry, parameter };
    throw permissionDenied(`${key} does not list ${forms[0]}`, { key });
  });
}
