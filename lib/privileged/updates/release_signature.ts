/**
 * The signature of a release: SHA256SUMS lists its files, and SHA256SUMS.sig is an Ed25519 signature
 * (RFC 8032) of it, as `openssl pkeyutl -sign -rawin` makes it.
 *
 * @module
 */

/**
 * Whether the key has signed the text.
 *
 * @param key The DER of an Ed25519 public key in base64, as in `security.update_key`.
 * @param signature In base64.
 */
export async function isSigned(key: string, text: string, signature: string): Promise<boolean> {
  const imported = await crypto.subtle.importKey(
    "spki",
    Uint8Array.fromBase64(key),
    "Ed25519",
    false,
    ["verify"],
  );
  return await crypto.subtle.verify(
    "Ed25519",
    imported,
    Uint8Array.fromBase64(signature),
    new TextEncoder().encode(text),
  );
}

const LINE_REGEXP = /^([0-9a-f]{64}) [ *](.+)$/;

/** The sum of a file in the text of SHA256SUMS; `undefined` if it is not listed. */
export function sumOf(sums: string, name: string): string | undefined {
  for (const line of sums.split("\n")) {
    const [, sum, listed] = LINE_REGEXP.exec(line) ?? [];
    if (listed === name) return sum;
  }
  return undefined;
}
