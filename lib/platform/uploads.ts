/**
 * Unfinished uploads: the files that a host's client writes piece by piece, beside their final name.
 *
 * @module
 */

/** The client names an unfinished file `.NAME` followed by this suffix. */
export const UPLOAD_SUFFIX = ".kvmmanager-part";

/** How many unfinished uploads a directory may hold. */
export const MAX_UPLOADS = 64;

/** Why a directory takes no further upload. */
export const tooManyUploads = (directory: string): string =>
  `${directory} already has ${MAX_UPLOADS} unfinished uploads, the maximum; finish or remove some`;
