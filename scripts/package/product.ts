/**
 * What a package contains, whatever its format: one definition for the Debian package, the rpm and
 * the tarball.
 *
 * @module
 */

import { dirname, fromFileUrl } from "@std/path/posix";
import { runTool } from "../vm/tools.ts";
import type { ProgramOptions } from "./program.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

/** A file of a package. */
export interface PackedFile {
  /** A path in the repository (one that ends in a slash is a directory, without subdirectories), or the text itself. */
  readonly source: string | { readonly text: string };
  /** Its absolute path in the guest; for a directory, the directory. */
  readonly target: string;
  /** @default 0o644 */
  readonly mode?: number;
  /** Manual pages are packed by gzip. */
  readonly isGzipped?: boolean;
}

/** A package's name, description and files. */
export interface Product {
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Lines of at most 78 characters; an empty one separates paragraphs. */
  readonly description: readonly string[];
  readonly files: readonly PackedFile[];
  /** Directories that are empty in the package. */
  readonly directories: readonly string[];
  /** Puts the Deno runtime and the bundles into a tree; absent: another package has the program. */
  readonly installProgram?: (tree: string, options: ProgramOptions) => Promise<void>;
  /** Relations to other Debian packages, as in deb-control(5). */
  readonly debian: Readonly<Record<string, string>>;
  /** The folder with `copyright`, `lintian-overrides`, and the maintainer scripts. */
  readonly debianFolder: string;
  /** Absent: the product is packed for Debian only. */
  readonly rpm?: {
    readonly license: string;
    readonly requires: readonly string[];
    /** Files that other formats do not have. */
    readonly files: readonly PackedFile[];
    /** Its own directories: the others belong to the system. */
    readonly directories: readonly string[];
    /** An SELinux module's sources, without `.te` and `.fc`; see selinux.ts. */
    readonly selinux?: string;
    /** A file with the scriptlets, as in a spec. */
    readonly scriptlets: string;
  };
}

/**
 * Puts a product's files into a tree, in their places.
 *
 * @throws {Deno.errors.NotFound} when a source is missing.
 */
export async function stage(tree: string, { files, directories }: Product): Promise<void> {
  for (const file of files) await place(tree, file);
  for (const directory of directories) await Deno.mkdir(`${tree}${directory}`, { recursive: true });
}

/** Puts one file, or the files of a directory, into a tree. */
export async function place(tree: string, file: PackedFile): Promise<void> {
  const { source, target, mode = 0o644, isGzipped = false } = file;
  if (typeof source === "string" && source.endsWith("/")) {
    for await (const { name } of Deno.readDir(`${ROOT}${source}`)) {
      await place(tree, { ...file, source: `${source}${name}`, target: `${target}/${name}` });
    }
    return;
  }
  const path = `${tree}${target}`;
  await Deno.mkdir(dirname(path), { recursive: true });
  if (typeof source === "string") await Deno.copyFile(`${ROOT}${source}`, path);
  else await Deno.writeTextFile(path, source.text);
  await Deno.chmod(path, mode);
  // Without name and time inside: the same text makes the same bytes.
  if (isGzipped) await runTool("gzip", ["-9", "--no-name", path]);
}

/** The configuration files of a staged tree, which an upgrade keeps: everything below /etc. */
export async function configurationFiles(tree: string): Promise<string[]> {
  const found = await runTool("find", [tree, "-path", `${tree}/etc/*`, "-type", "f"]);
  return found.trim().split("\n").filter((path) => path !== "")
    .map((path) => path.slice(tree.length)).sort();
}

/**
 * Removes from a tree what depends on its builder: the modes of directories, which the umask decides,
 * and all times, which become `time` (seconds since 1970).
 */
export async function normalize(tree: string, time: number): Promise<void> {
  await runTool("find", [tree, "-type", "d", "-exec", "chmod", "755", "{}", "+"]);
  await runTool("find", [tree, "-exec", "touch", "-h", "-d", `@${time}`, "{}", "+"]);
}

/**
 * The modification time of everything in a package, in seconds since 1970, so that the same sources
 * make the same package (https://reproducible-builds.org/specs/source-date-epoch/).
 */
export async function sourceTime(): Promise<number> {
  const given = Deno.env.get("SOURCE_DATE_EPOCH");
  if (given !== undefined && /^\d+$/.test(given)) return Number(given);
  try {
    return Number(await runTool("git", ["-C", ROOT, "log", "-1", "--format=%ct"]));
  } catch {
    // Not a checkout.
    return Math.floor(Date.now() / 1000);
  }
}
