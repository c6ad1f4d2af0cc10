/**
 * `deno task package:deb`, `package:rpm` and `package:tar`: packages of the agent and of the host.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path/posix";
import { refuseUnknown, single, UsageError } from "../lib/base/command_line.ts";
import { printLine } from "../lib/base/terminal.ts";
import { VERSION } from "../lib/base/version.ts";
import { AGENT } from "./package/agent.ts";
import { debianArchitecture, packDeb } from "./package/deb.ts";
import { type Architecture, ARCHITECTURES } from "./package/program.ts";
import { HOST } from "./package/host.ts";
import { QGA } from "./package/qga.ts";
import { type Product, sourceTime, stage } from "./package/product.ts";
import { packRpm } from "./package/rpm.ts";
import { packTarball } from "./package/tarball.ts";
import { requireTools } from "./vm/tools.ts";
import { runOrder } from "./run_order.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));

/** How each format is built. */
const FORMATS = {
  deb: {
    tools: ["dpkg-deb"],
    fileName: (product: Product, architecture: Architecture) =>
      `${product.name}_${VERSION}_${debianArchitecture(product, architecture)}.deb`,
    ownLibraries: false,
    pack: packDeb,
  },
  rpm: {
    tools: ["rpmbuild", "checkmodule", "semodule_package"],
    fileName: ({ name }: Product, architecture: Architecture) =>
      `${name}-${VERSION}-1.${ARCHITECTURES[architecture].target.split("-")[0]}.rpm`,
    ownLibraries: false,
    pack: packRpm,
  },
  tar: {
    tools: ["tar", "xz"],
    fileName: ({ name }: Product, architecture: Architecture) =>
      `${name}-${VERSION}-linux-${architecture}.tar.xz`,
    ownLibraries: true,
    pack: packTarball,
  },
} as const;

type Format = keyof typeof FORMATS;

const FORMAT_NAMES = ["deb", "rpm", "tar"] as const satisfies readonly Format[];

const VALUED = ["product", "arch", "runtime", "output", "directory"] as const;

const PRODUCTS: readonly Product[] = [AGENT, QGA, HOST];

const USAGE = `Usage: deno task package:deb [--product NAME] [--arch A] [--runtime FILE]
                             [--directory DIR | --output FILE] [--quick]
       deno task package:rpm …
       deno task package:tar …

Builds a Debian package, an rpm, or a tarball for every Linux: the agent's bundle, the
Deno runtime, and a launcher that confines the agent to the guest's
configuration. The tarball has its own C library and an installer.

  --product NAME  ${PRODUCTS.map(({ name }) => name).join(" or ")} (default: ${AGENT.name})
  --arch A        ${Object.keys(ARCHITECTURES).join(" or ")} (default: this machine's)
  --runtime FILE  the deno executable for that architecture
                  (default, for this machine's: the one that runs this)
  --directory DIR where to put it, with the name that the format prescribes
                  (default: dist/)
  --output FILE   where to put it under another name
  --quick         compress little: a larger package, built and installed sooner
`;

interface Order {
  readonly format: Format;
  readonly product: Product;
  readonly architecture: Architecture;
  readonly runtime: string | undefined;
  readonly output: string;
  readonly quick: boolean;
}

function readOrder(args: readonly string[]): Order | "help" {
  const parsed = parseArgs(args, {
    boolean: ["help", "quick"],
    string: [...VALUED, "_"],
    collect: [...VALUED],
    alias: { h: "help" },
    unknown: refuseUnknown,
  });
  if (parsed.help) return "help";
  const [word, surplus] = parsed._;
  const format = FORMAT_NAMES.find((known) => known === word);
  if (format === undefined) {
    throw new UsageError(`the format must be ${FORMAT_NAMES.join(" or ")}, received "${word}"`);
  }
  if (surplus !== undefined) throw new UsageError(`unexpected argument "${surplus}"; see --help`);
  const arch = single(parsed.arch, "arch") ?? (Deno.build.arch === "aarch64" ? "arm64" : "amd64");
  if (arch !== "amd64" && arch !== "arm64") {
    throw new UsageError(`--arch must be amd64 or arm64, received "${arch}"`);
  }
  const name = single(parsed.product, "product") ?? AGENT.name;
  const product = PRODUCTS.find((known) => known.name === name);
  if (product === undefined) {
    const names = PRODUCTS.map((known) => known.name).join(" or ");
    throw new UsageError(`--product must be ${names}, received "${name}"`);
  }
  if (product.rpm === undefined && format !== "deb") {
    throw new UsageError(`${name} is packed for Debian only`);
  }
  return {
    format,
    product,
    architecture: arch,
    runtime: single(parsed.runtime, "runtime"),
    quick: parsed.quick,
    output: single(parsed.output, "output") ??
      `${single(parsed.directory, "directory") ?? `${ROOT}dist`}/${
        FORMATS[format].fileName(product, arch)
      }`,
  };
}

async function build(order: Order): Promise<void> {
  const { format, product, architecture, runtime, output } = order;
  const { tools, ownLibraries, pack } = FORMATS[format];
  await requireTools(tools);
  const directory = await Deno.makeTempDir({ prefix: "kvmmanager-package-" });
  try {
    const tree = `${directory}/tree`;
    await product.installProgram?.(tree, { architecture, runtime, ownLibraries });
    await stage(tree, product);
    await pack(tree, { ...order, time: await sourceTime() });
    const megabytes = ((await Deno.stat(output)).size / 1e6).toFixed(1);
    printLine(`${output}: ${megabytes} MB`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

if (import.meta.main) {
  Deno.exit(
    await runOrder({ name: "package", usage: USAGE, read: readOrder, perform: build }, Deno.args),
  );
}
