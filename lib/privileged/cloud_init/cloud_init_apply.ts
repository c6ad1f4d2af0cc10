import * as z from "zod";
import { commandFailed, invalidParams } from "../../base/errors.ts";
import { asRoot, operation, type Root } from "../operation.ts";
import { hasHeader, MAX_CLOUD_CONFIG, parseCloudConfig } from "./cloud_config.ts";
import { modulesFor } from "./modules.ts";

const PROGRAM = "cloud-init";
/** It is a large Python program; emulated machines take most of a minute. */
const CHECK_MS = 120_000;
/** argparse's exit status for a command line that it does not know. */
const WRONG_USAGE = 2;
/**
 * Keeps cloud-init from passing its output through a `tee` of its own, which ends with the unit and
 * may not have written everything by then (`redirect_output()` in cloud-init's util.py).
 */
const ENVIRONMENT = { _CLOUD_INIT_SAVE_STDOUT: "1" };
const MAX_MESSAGES = 20;
const MAX_MESSAGE_CHARACTERS = 500;

/** `cloud_init_apply`: has cloud-init apply a document, module by module, in the background. */
export const cloudInitApplyOperation = operation({
  name: "cloud_init_apply",
  group: "cloud-init",
  params: () =>
    z.strictObject({
      content: z.string().check(
        z.maxLength(MAX_CLOUD_CONFIG),
        z.refine(hasHeader, "must begin with a line `#cloud-config`"),
      ),
    }),
  result: () => z.strictObject({ exit_code: z.int() }),
  // Documents have passwords and keys.
  hidden: ["content"],
  target: () => ({}),
});

/** How root performs it. */
export const cloudInitApplyAsRoot = /* @__PURE__ */ asRoot(cloudInitApplyOperation, {
  programs: [PROGRAM],
  run: async ({ content }, root) => {
    const config = await parseCloudConfig(content);
    if (!root.has(PROGRAM)) throw commandFailed("this guest has no cloud-init; install it");
    const file = await root.keepText(content);
    await checkSchema(root, file);
    const modules = modulesFor(config);
    for (const module of modules) {
      const exit_code = await runModule(root, file, module, module);
      if (exit_code !== 0) return { exit_code };
    }
    if (!Object.hasOwn(config, "runcmd")) return { exit_code: 0 };
    // The module `runcmd` only writes a script, and the one that runs it would also run the scripts
    // of the guest's first boot again. `bootcmd` takes the same and runs it at once.
    const commands = await root.keepText(JSON.stringify({ bootcmd: config.runcmd }));
    return { exit_code: await runModule(root, commands, "bootcmd", "runcmd") };
  },
});

/**
 * Has cloud-init check a document.
 *
 * @throws {RpcError} -32602 with what cloud-init says about it.
 */
async function checkSchema(root: Root, file: string): Promise<void> {
  const { code, stdout, stderr } = await root.run(PROGRAM, ["schema", "--config-file", file], {
    timeoutMs: CHECK_MS,
  });
  if (code === 0) return;
  if (code === WRONG_USAGE) {
    throw commandFailed("this guest's cloud-init cannot check documents; it needs 22.2 or newer");
  }
  const messages = `${stderr}\n${stdout}`.split("\n")
    .map((line) => line.replaceAll(file, "content").trim().slice(0, MAX_MESSAGE_CHARACTERS))
    .filter((line) => line !== "")
    .slice(0, MAX_MESSAGES);
  // The record leaves out what is received.
  throw invalidParams(`content must pass cloud-init's own check, received ${messages.join("; ")}`, {
    params: ["content"],
    messages,
  });
}

async function runModule(
  root: Root,
  file: string,
  module: string,
  name: string,
): Promise<number> {
  const args = ["--file", file, "single", "--name", module, "--frequency", "always"];
  const code = await root.runInBackground(PROGRAM, args, { env: ENVIRONMENT });
  if (code !== 0) await root.tell(`kvmmanager-agent: ${name} failed with status ${code}`);
  return code;
}
