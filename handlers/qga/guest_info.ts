import { VERSION } from "../../lib/base/version.ts";
import { NoArguments, qgaCommand } from "./_command.ts";

/** Commands that do not answer when they succeed. */
const SILENT: readonly string[] = [
  "guest-shutdown",
  "guest-suspend-ram",
  "guest-suspend-disk",
  "guest-suspend-hybrid",
];

/** Which commands there are, and which are on. Ansible compares whole objects: no other member. */
export const guestInfo = () =>
  qgaCommand({
    name: "guest-info",
    summary: "The version and the commands",
    params: NoArguments,
    access: "always",
    immediate: true,
    whileFrozen: true,
    audited: false,
    run: (_, services) => ({
      version: VERSION,
      supported_commands: services.methods.map((method) => ({
        enabled: method.available(services),
        name: method.name,
        "success-response": !SILENT.includes(method.name),
      })),
    }),
  });
