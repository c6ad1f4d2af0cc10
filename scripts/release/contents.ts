/**
 * What a release contains, as an SPDX 2.3 document (https://spdx.github.io/spdx-spec/v2.3/): the
 * packages with their sums, and the libraries inside with their licences.
 *
 * @module
 */

import * as z from "zod";
import { VERSION } from "../../lib/base/version.ts";

/** An artefact of the release. */
export interface Artefact {
  readonly name: string;
  readonly sha256: string;
}

/** Something that the artefacts contain. */
export interface Library {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression. */
  readonly license: string;
  readonly location: string;
}

const DenoInfo = z.looseObject({
  modules: z.array(z.looseObject({ npmPackage: z.optional(z.string()) })),
  npmPackages: z.record(
    z.string(),
    z.looseObject({ name: z.string(), version: z.string(), localPath: z.string() }),
  ),
});

const PackageJson = z.looseObject({ license: z.string() });

/**
 * The npm packages in a program's bundle, with the licences that they state.
 *
 * @param info What `deno info --json FILE` prints for the program's main file.
 * @throws {Error} when a package states no licence.
 */
export async function bundledLibraries(info: string): Promise<Library[]> {
  const { modules, npmPackages } = z.parse(DenoInfo, JSON.parse(info));
  const used = new Set(modules.map(({ npmPackage }) => npmPackage));
  const libraries: Library[] = [];
  for (const [id, { name, version, localPath }] of Object.entries(npmPackages)) {
    if (!used.has(id)) continue;
    const text = await Deno.readTextFile(`${localPath}/package.json`);
    const { license } = z.parse(PackageJson, JSON.parse(text));
    libraries.push({ name, version, license, location: `https://www.npmjs.com/package/${name}` });
  }
  return libraries;
}

/** The runtime in every package, and the libraries in the tarballs. */
export const RUNTIME: readonly Library[] = [
  {
    name: "deno",
    version: Deno.version.deno,
    license: "MIT",
    location: "https://github.com/denoland/deno",
  },
  {
    name: "v8",
    version: Deno.version.v8,
    license: "BSD-3-Clause",
    location: "https://v8.dev",
  },
];

/** Debian's C library in the tarballs, from the bytes of a libc.so.6. */
export async function cLibrary(path: string): Promise<Library> {
  const text = new TextDecoder("latin1").decode(await Deno.readFile(path));
  return {
    name: "glibc",
    version: /GNU C Library \(Debian GLIBC ([^)]+)\)/.exec(text)?.[1] ?? "unknown",
    license: "LGPL-2.1-or-later",
    location: "https://tracker.debian.org/pkg/glibc",
  };
}

/** The document; the same release makes the same text. */
export function contentsDocument(
  artefacts: readonly Artefact[],
  libraries: readonly Library[],
  time: number,
): string {
  const id = (kind: string, name: string) =>
    `SPDXRef-${kind}-${name.replaceAll(/[^A-Za-z0-9.-]/g, "-")}`;
  const files = artefacts.map(({ name, sha256 }) => ({
    SPDXID: id("File", name),
    fileName: `./${name}`,
    checksums: [{ algorithm: "SHA256", checksumValue: sha256 }],
    licenseConcluded: "NOASSERTION",
    copyrightText: "NOASSERTION",
  }));
  const packages = [
    { name: "kvmmanager-agent", version: VERSION, license: "MIT", location: "NOASSERTION" },
    ...libraries,
  ].map(({ name, version, license, location }) => ({
    SPDXID: id("Package", name),
    name,
    versionInfo: version,
    downloadLocation: location,
    filesAnalyzed: false,
    licenseConcluded: license,
    licenseDeclared: license,
    copyrightText: "NOASSERTION",
  }));
  const agent = id("Package", "kvmmanager-agent");
  const document = {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `kvmmanager-agent-${VERSION}`,
    documentNamespace: `https://kvmmanager.org/spdx/kvmmanager-agent-${VERSION}-${time}`,
    creationInfo: {
      created: new Date(time * 1000).toISOString().replace(".000Z", "Z"),
      creators: ["Tool: kvmmanager-agent-release"],
    },
    packages,
    files,
    relationships: [
      {
        spdxElementId: "SPDXRef-DOCUMENT",
        relationshipType: "DESCRIBES",
        relatedSpdxElement: agent,
      },
      ...files.map(({ SPDXID }) => ({
        spdxElementId: SPDXID,
        relationshipType: "GENERATED_FROM",
        relatedSpdxElement: agent,
      })),
      ...packages.slice(1).map(({ SPDXID }) => ({
        spdxElementId: agent,
        relationshipType: "CONTAINS",
        relatedSpdxElement: SPDXID,
      })),
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
