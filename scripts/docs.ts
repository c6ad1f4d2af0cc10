/**
 * `deno task docs`: writes docs/protocol.md and docs/openrpc.json from the handlers, the table of
 * errors and the configuration's schema. With `--check` it writes nothing and fails where a file is
 * not what it would write.
 *
 * @module
 */

import { METHODS } from "../handlers/mod.ts";
import { PROTOCOL_VERSION } from "../lib/base/version.ts";
import { openRpcDocument } from "../lib/core/openrpc.ts";
import { printError, printLine } from "../lib/base/terminal.ts";
import { VERSION } from "../lib/base/version.ts";
import { configurationChapter } from "./docs/configuration.ts";
import { blocks } from "./docs/markdown.ts";
import { methodList, methodSection } from "./docs/methods.ts";
import { errorChapter, loadChapter, pathChapter, wireChapter } from "./docs/transport.ts";

const ROOT = new URL("../", import.meta.url);

/** docs/protocol.md as it should be. */
export function protocolReference(): string {
  return `${
    blocks(
      "# The protocol of kvmmanager-agent",
      "<!-- Written by `deno task docs` from the code. Change handlers/, lib/ or scripts/docs/ " +
        "instead. -->",
      `KVM Manager Guest Agent Protocol ${PROTOCOL_VERSION}, as version ${VERSION} of the agent ` +
        "speaks it. The same for programs: [openrpc.json](openrpc.json), which the agent itself " +
        "returns for `rpc.discover`.",
      methodList(METHODS),
      wireChapter(),
      loadChapter(METHODS),
      errorChapter(),
      pathChapter(),
      "## Methods",
      ...METHODS.map(methodSection),
      configurationChapter(),
    )
  }\n`;
}

/** docs/openrpc.json as it should be. */
export function openRpcText(): string {
  return `${JSON.stringify(openRpcDocument(METHODS, VERSION), null, 2)}\n`;
}

/** The generated files: where they are, and what they should have. */
export const GENERATED: readonly { readonly path: string; readonly text: () => string }[] = [
  { path: "docs/protocol.md", text: protocolReference },
  { path: "docs/openrpc.json", text: openRpcText },
];

/** Those of the generated files below `root` that are not what they should be. */
export async function staleFiles(root: URL): Promise<string[]> {
  const states = await Promise.all(GENERATED.map(async ({ path, text }) => ({
    path,
    isCurrent: await readIfAny(new URL(path, root)) === text(),
  })));
  return states.filter(({ isCurrent }) => !isCurrent).map(({ path }) => path);
}

async function readIfAny(file: URL): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Tells of stale files; the exit status. */
async function check(): Promise<number> {
  const stale = await staleFiles(ROOT);
  for (const path of stale) printError(`${path} is stale: run deno task docs`);
  return stale.length === 0 ? 0 : 1;
}

async function write(): Promise<number> {
  for (const { path, text } of GENERATED) {
    await Deno.writeTextFile(new URL(path, ROOT), text());
    printLine(`wrote ${path}`);
  }
  return 0;
}

if (import.meta.main) Deno.exit(await (Deno.args.includes("--check") ? check() : write()));
