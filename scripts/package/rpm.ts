/**
 * An rpm for Fedora, RHEL 8 and later, and openSUSE from a product's tree, built by rpmbuild.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import { UsageError } from "../../lib/base/command_line.ts";
import { VERSION } from "../../lib/base/version.ts";
import { runTool } from "../vm/tools.ts";
import type { BuildOptions } from "./deb.ts";
import { ARCHITECTURES } from "./program.ts";
import { compileModule } from "./selinux.ts";
import { configurationFiles, normalize, place, type Product } from "./product.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

/**
 * Packs a staged tree.
 *
 * @throws {ToolFailedError}
 */
export async function packRpm(tree: string, options: BuildOptions): Promise<void> {
  const { product, architecture, time, output, quick } = options;
  const rpm = rpmPart(product);
  const documents = `/usr/share/doc/${product.name}`;
  await place(tree, {
    source: `${product.debianFolder}/copyright`,
    target: `${documents}/copyright`,
  });
  // These distributions have all of /lib in /usr/lib.
  await runTool("cp", ["-a", `${tree}/lib/.`, `${tree}/usr/lib/`]);
  await Deno.remove(`${tree}/lib`, { recursive: true });
  for (const file of rpm.files) await place(tree, file);
  if (rpm.selinux !== undefined) await compileModule(rpm.selinux, tree);
  await normalize(tree, time);
  const work = `${tree}-rpm`;
  await Deno.mkdir(work);
  const machine = ARCHITECTURES[architecture].target.split("-")[0] ?? "";
  await Deno.writeTextFile(`${work}/package.spec`, await spec(tree, options));
  const settings = {
    _topdir: work,
    _rpmdir: work,
    _rpmfilename: "package.rpm",
    _buildhost: "reproducible",
    source_date_epoch_from_changelog: "0",
    use_source_date_epoch_as_buildtime: "1",
    clamp_mtime_to_source_date_epoch: "1",
    _binary_payload: quick ? "w1.gzdio" : "w6.xzdio",
  };
  await runTool("rpmbuild", [
    "-bb",
    "--quiet",
    `--target=${machine}-linux`,
    ...Object.entries(settings).flatMap(([name, value]) => ["--define", `${name} ${value}`]),
    `${work}/package.spec`,
  ], { env: { SOURCE_DATE_EPOCH: String(time) } });
  await Deno.copyFile(`${work}/package.rpm`, output);
}

/** @throws {UsageError} when the product is not packed as an rpm. */
function rpmPart({ name, rpm }: Product): NonNullable<Product["rpm"]> {
  if (rpm === undefined) throw new UsageError(`there is only a Debian package of ${name}`);
  return rpm;
}

async function spec(tree: string, { product }: BuildOptions): Promise<string> {
  const rpm = rpmPart(product);
  const configuration = new Set(await configurationFiles(tree));
  const found = await runTool("find", [
    ...[tree, "(", "-type", "f", "-o", "-type", "l", ")"],
    ...["-printf", "%m /%P\\n"],
  ]);
  const files = found.trim().split("\n").map((line) => {
    const [mode = "", path = ""] = line.split(/ (.*)/);
    const kind = configuration.has(path) ? "%config(noreplace) " : "";
    return `${kind}%attr(${mode},root,root) "${path}"`;
  });
  const directories = [...new Set([...rpm.directories, ...product.directories])];
  return `Name: ${product.name}
Version: ${VERSION}
Release: 1
Summary: ${product.summary.replace(/^./, (letter) => letter.toUpperCase())}
License: ${rpm.license}
URL: https://kvmmanager.org
${rpm.requires.map((name) => `Requires: ${name}\n`).join("")}AutoReqProv: no

%global debug_package %{nil}
%global __os_install_post %{nil}
%global _build_id_links none

%description
${product.description.join("\n")}

%prep

%build

%install
cp -a ${tree}/. %{buildroot}/

%files
${directories.map((path) => `%dir %attr(755,root,root) ${path}`).sort().join("\n")}
${files.sort().join("\n")}

${await Deno.readTextFile(`${ROOT}${rpm.scriptlets}`)}`;
}
