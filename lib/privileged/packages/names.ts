/**
 * The names of packages as parameters.
 *
 * @module
 */

import * as z from "zod";

/** How many packages one request may name. */
export const MAX_PACKAGES = 256;

/**
 * A name and nothing else. A leading `-` would be an option, a trailing one tells apt to remove the
 * package, and `=`, `/`, `:`, `@`, `<`, `*` and spaces ask for versions, files, sources or patterns.
 */
const NAME_REGEXP = /^[A-Za-z0-9]([A-Za-z0-9+._-]{0,126}[A-Za-z0-9+._])?$/;

/** The names of packages, at least `minimum` of them. */
export const PackageNames = (minimum: number) =>
  z.array(
    z.string().check(z.refine(
      (name) => NAME_REGEXP.test(name),
      "must be the name of a package: letters, digits and + . _ -, without a version, a path or " +
        "a pattern",
    )),
  ).check(z.minLength(minimum), z.maxLength(MAX_PACKAGES));

/** What an operation on packages returns. */
export const PackageResult = () => z.strictObject({ exit_code: z.int() });
