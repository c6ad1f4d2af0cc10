import * as z from "zod";
import { commandFailed, notFound, permissionDenied } from "../../base/errors.ts";
import { asRoot, operation } from "../operation.ts";
import { isSigned, sumOf } from "./release_signature.ts";

/** The script in the package that does the work as root, outside the broker's sandbox. */
const SCRIPT = "/usr/lib/kvmmanager-agent/update";

/** A name that a release has, which is safe as a file's name and as a program's argument. */
const PATH_REGEXP = /^\/(?:[^/\0]+\/)*(kvmmanager-agent[A-Za-z0-9._+~-]{1,100})$/;
/** Many times what a release has. */
const MAX_SUMS = 16 * 1024;
/** Of the 64 bytes of an Ed25519 signature, in base64. */
const SIGNATURE_REGEXP = /^[A-Za-z0-9+/]{86}==$/;

const PackagePath = () =>
  z.string().check(
    z.maxLength(4096),
    z.refine(
      (path) => PATH_REGEXP.test(path),
      "must be the absolute path of a file whose name begins with kvmmanager-agent",
    ),
  );

/** `agent_update`: installs a signed package of the agent in the background. */
export const agentUpdateOperation = operation({
  name: "agent_update",
  group: "packages",
  params: () =>
    z.strictObject({
      path: PackagePath(),
      sums: z.string().check(z.maxLength(MAX_SUMS)),
      signature: z.string().check(
        z.refine(
          (text) => SIGNATURE_REGEXP.test(text),
          "must be the 64 bytes of an Ed25519 signature in base64",
        ),
      ),
      downgrade: z._default(z.boolean(), false),
    }),
  result: () => z.strictObject({ exit_code: z.int() }),
  target: ({ path, downgrade }) => ({ path, downgrade }),
});

/** How root performs it. */
export const agentUpdateAsRoot = /* @__PURE__ */ asRoot(agentUpdateOperation, {
  programs: [SCRIPT],
  run: async ({ path, sums, signature, downgrade }, root) => {
    const { update_key } = root.config.security;
    if (update_key === null) {
      throw permissionDenied(
        "updates of the agent are off: set security.update_key in the guest's configuration",
        { key: "security.update_key" },
      );
    }
    if (!await isSigned(update_key, sums, signature)) {
      throw permissionDenied("SHA256SUMS is not signed by the key in security.update_key", {
        key: "security.update_key",
      });
    }
    const name = path.slice(path.lastIndexOf("/") + 1);
    const sum = sumOf(sums, name);
    if (sum === undefined) throw notFound(`SHA256SUMS does not list ${name}`, { file: name });
    if (!root.has("systemd-run")) {
      throw commandFailed("the agent can be updated only where systemd runs it");
    }
    const args = [path, sum, ...downgrade ? ["--downgrade"] : []];
    return { exit_code: await root.runInBackground(SCRIPT, args) };
  },
});
