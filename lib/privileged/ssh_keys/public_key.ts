/**
 * Public keys of SSH, as authorized_keys holds them (sshd(8)).
 *
 * @module
 */

/** The mark at the end of the comment of a key that a host has added. */
const MARK = "[kvmmanager-agent]";
const MAX_COMMENT = 200;
const TYPES: readonly string[] = [
  "ssh-ed25519",
  "ssh-rsa",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
];

/** A key. */
export interface PublicKey {
  readonly type: string;
  readonly base64: string;
  /** Without the mark. */
  readonly comment: string;
  /** Whether a host has added it. */
  readonly isOurs: boolean;
}

/**
 * A key from a host's request.
 *
 * @returns The key, or why it is not one.
 */
export function parsePublicKey(text: string): PublicKey | string {
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text)) {
    return "contains a line break or another control character";
  }
  const [type = "", base64 = "", ...rest] = text.trim().split(/ +/);
  if (!TYPES.includes(type)) {
    return /^(ssh-|ecdsa-|sk-)/.test(type)
      ? "has an unknown type"
      : "does not start with a type such as ssh-ed25519; options are not allowed";
  }
  if (typeInside(base64) !== type) return "has a body that is not base64 of a key of its type";
  const comment = rest.join(" ");
  if (comment.length > MAX_COMMENT) return `has a comment of more than ${MAX_COMMENT} characters`;
  return { type, base64, comment: comment.replaceAll(MARK, "").trim(), isOurs: false };
}

/** The type that the body of a key names: a length and a text (RFC 4253, section 6.6). */
function typeInside(base64: string): string | undefined {
  try {
    const bytes = Uint8Array.fromBase64(base64, { lastChunkHandling: "strict" });
    const length = new DataView(bytes.buffer).getUint32(0);
    if (bytes.byteLength <= 4 + length) return undefined;
    return new TextDecoder().decode(bytes.subarray(4, 4 + length));
  } catch {
    return undefined;
  }
}

/** The key's line in authorized_keys, marked as a host's. */
export const markedLine = ({ type, base64, comment }: PublicKey): string =>
  [type, base64, comment, MARK].filter((word) => word !== "").join(" ");

/** A line of authorized_keys as a host would write it. */
export const withoutMark = (line: string): string =>
  line.endsWith(MARK) ? line.slice(0, -MARK.length).trimEnd() : line;

/** The key of a line of authorized_keys, which may have options; `undefined` for other lines. */
export function keyInLine(line: string): PublicKey | undefined {
  const words = line.trim().split(/\s+/);
  if (words[0]?.startsWith("#")) return undefined;
  const at = words.findIndex((word, index) =>
    TYPES.includes(word) && typeInside(words[index + 1] ?? "") === word
  );
  const [type, base64, ...rest] = at < 0 ? [] : words.slice(at);
  if (type === undefined || base64 === undefined) return undefined;
  const comment = rest.join(" ");
  const isOurs = comment.endsWith(MARK);
  return {
    type,
    base64,
    isOurs,
    comment: isOurs ? comment.slice(0, -MARK.length).trim() : comment,
  };
}

/** The lines to be added to the lines of a file: those keys that it lacks, each once, marked. */
export function addedLines(lines: readonly string[], keys: readonly PublicKey[]): string[] {
  const fresh = new Map(keys.map((key) => [key.base64, key]));
  for (const line of lines) fresh.delete(keyInLine(line)?.base64 ?? "");
  return [...fresh.values()].map(markedLine);
}

/** The fingerprint, as ssh-keygen(1) prints it. */
export async function fingerprintOf({ base64 }: PublicKey): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", Uint8Array.fromBase64(base64));
  return `SHA256:${new Uint8Array(digest).toBase64().replace(/=+$/, "")}`;
}
