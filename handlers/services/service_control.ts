import { method } from "../../lib/core/method.ts";
import { serviceControlOperation } from "../../lib/privileged/service_control.ts";
import { managedRules } from "../_managed.ts";
import { perform, privileged } from "../_privileged.ts";

/** `service_control`: starts, stops and enables services. */
export const serviceControl = method({
  ...privileged(serviceControlOperation),
  summary: "Starts, stops, restarts, reloads, enables or disables a service.",
  notes: [
    "The configuration has to list the unit in `security.managed_services`, and, if `unit` is an " +
    "alias, the unit itself too. It waits for the outcome. If the action fails, the error's data has " +
    "the unit's state and the end of its log. Without systemd, OpenRC's services are controlled.",
    "It has two minutes, whatever `request_timeout_seconds` says.",
  ],
  ownTimeout: true,
  example: {
    params: { unit: "nginx", action: "restart" },
    result: {
      unit: "nginx.service",
      active_state: "active",
      sub_state: "running",
      enabled: "enabled",
    },
  },
  policy: ({ unit }, services) =>
    managedRules(services, "managed_services", "unit", [unit, unit.replace(/\.service$/, "")]),
  run: (params, context) => perform(serviceControlOperation, params, context),
});
