/**
 * A Debian package from a product's tree.
 *
 * @module
 */

import { VERSION } from "../../lib/base/version.ts";
import { runTool } from "../vm/tools.ts";
import { configurationFiles, normalize, place, type Product } from "./product.ts";
import type { Architecture } from "./program.ts";

/** Who answers for the packages. */
export const MAINTAINER = "KVM Manager <agent@kvmmanager.org>";

/** How a package is built. */
export interface BuildOptions {
  readonly product: Product;
  readonly architecture: Architecture;
  /** The modification time of every file, in seconds since 1970. */
  readonly time: number;
  readonly output: string;
  /** Whether it is compressed little, for a build that takes seconds. */
  readonly quick: boolean;
}

/**
 * Completes a staged tree and packs it.
 *
 * @throws {ToolFailedError}
 */
export async function packDeb(tree: string, options: BuildOptions): Promise<void> {
  const { product, time, output, quick } = options;
  const documents = `/usr/share/doc/${product.name}`;
  const folder = product.debianFolder;
  await place(tree, { source: `${folder}/copyright`, target: `${documents}/copyright` });
  await place(tree, {
    source: `${folder}/lintian-overrides`,
    target: `/usr/share/lintian/overrides/${product.name}`,
  });
  await place(tree, {
    source: { text: changelog(product, time) },
    target: `${documents}/changelog`,
    isGzipped: true,
  });
  const conffiles = (await configurationFiles(tree)).map((path) => `${path}\n`).join("");
  const sums = await md5sums(tree);
  const kilobytes = Number(/^\d+/.exec(await runTool("du", ["-sk", tree]))?.[0]);
  for (const script of ["postinst", "prerm", "postrm"]) {
    await place(tree, { source: `${folder}/${script}`, target: `/DEBIAN/${script}`, mode: 0o755 });
  }
  const texts = { conffiles, md5sums: sums, control: control(options, kilobytes) };
  for (const [name, text] of Object.entries(texts)) {
    // A package without configuration has no list of it.
    if (text !== "") await place(tree, { source: { text }, target: `/DEBIAN/${name}` });
  }
  await normalize(tree, time);
  const compression = quick ? ["-Zgzip", "-z1"] : ["-Zxz"];
  await runTool("dpkg-deb", ["--build", "--root-owner-group", ...compression, tree, output], {
    env: { SOURCE_DATE_EPOCH: String(time) },
  });
}

/** The architecture of a product's package: without a program, it is the same for all. */
export const debianArchitecture = (
  { installProgram }: Product,
  architecture: Architecture,
): Architecture | "all" => installProgram === undefined ? "all" : architecture;

/** For `dpkg --verify`: every file but the configuration files. */
async function md5sums(tree: string): Promise<string> {
  const found = await runTool("find", [
    ...[".", "-type", "f", "-not", "-path", "./etc/*"],
    ...["-exec", "md5sum", "{}", "+"],
  ], { cwd: tree });
  const lines = found.trim().split("\n").map((line) => line.replace("  ./", "  "));
  return lines.sort().map((line) => `${line}\n`).join("");
}

const control = ({ product, architecture }: BuildOptions, kilobytes: number) =>
  `Package: ${product.name}
Version: ${VERSION}
Architecture: ${debianArchitecture(product, architecture)}
Maintainer: ${MAINTAINER}
Installed-Size: ${kilobytes}
${Object.entries(product.debian).map(([field, value]) => `${field}: ${value}`).join("\n")}
Section: admin
Priority: optional
Description: ${product.summary}
${product.description.map((line) => ` ${line || "."}`).join("\n")}
`;

const changelog = ({ name }: Product, time: number) =>
  `${name} (${VERSION}) unstable; urgency=medium

  * See CHANGELOG.md in the sources.

 -- ${MAINTAINER}  ${new Date(time * 1000).toUTCString().replace("GMT", "+0000")}
`;
