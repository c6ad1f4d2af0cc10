/**
 * Names in the state.
 *
 * @module
 */

const NAME_REGEXP = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Whether a text is a name in the state. */
export const isName = (name: string): boolean => NAME_REGEXP.test(name);

/** @throws {TypeError} for a name that could leave the folder; names are never a host's raw words. */
export function checkName(name: string): void {
  if (!isName(name)) throw new TypeError(`not a name in the state: ${name.slice(0, 100)}`);
}
