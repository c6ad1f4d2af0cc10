/**
 * Reads the names that find(1) prints.
 *
 * @module
 */

import type { NamePage } from "../../name_page.ts";
import type { NulReader } from "../processes/nul_reader.ts";

/** What find(1) puts before each name. */
export const NAME_PREFIX = "./";

/** Reads names into a page, up to the empty one; returns false if the stream ends before it. */
export async function readNames(reader: NulReader, page: NamePage<string>): Promise<boolean> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (;;) {
    const bytes = reader.nextHere() ?? await reader.next();
    if (bytes === undefined) return false;
    if (bytes.byteLength === 0) break;
    const name = decoded(decoder, bytes);
    if (name === undefined) page.notUtf8 += 1;
    else page.add(name.slice(NAME_PREFIX.length));
  }
  page.finish();
  return true;
}

function decoded(decoder: TextDecoder, bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
