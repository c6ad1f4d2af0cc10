/**
 * The signature of a release: Ed25519 (RFC 8032), made and verified by WebCrypto, and verified by
 * `openssl pkeyutl -verify -rawin` as well.
 *
 * @module
 */

import { UsageError } from "../../lib/base/command_line.ts";

/** The bytes between the first and the last line of a PEM file (RFC 7468). */
const PEM_REGEXP =
  /^-----BEGIN PRIVATE KEY-----\n([A-Za-z0-9+/=\n]+)\n-----END PRIVATE KEY-----\s*$/;

/**
 * Signs bytes.
 *
 * @param pem A private key, as `openssl genpkey -algorithm ed25519` prints it.
 * @returns The 64 bytes of the signature.
 * @throws {UsageError} for anything else than such a key.
 */
export async function sign(
  pem: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const body = PEM_REGEXP.exec(pem)?.[1];
  try {
    const key = await crypto.subtle.importKey(
      "pkcs8",
      Uint8Array.fromBase64(body ?? ""),
      "Ed25519",
      false,
      ["sign"],
    );
    return new Uint8Array(await crypto.subtle.sign("Ed25519", key, bytes));
  } catch {
    throw new UsageError(
      "--key must be a private key of Ed25519 in PEM: openssl genpkey -algorithm ed25519 -out FILE",
    );
  }
}
