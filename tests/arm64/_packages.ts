/**
 * What `deno task test:arm64` has prepared.
 *
 * @module
 */

import { fail } from "@std/assert";

const needed = (name: string) => Deno.env.get(name) ?? fail(`deno task test:arm64 sets ${name}`);

/** The directory with the packages, and with each taken apart. */
export const PACKAGES = needed("KVMMANAGER_ARM64_PACKAGES");

/** The deno that they were built with. */
export const RUNTIME = needed("KVMMANAGER_ARM64_RUNTIME");
