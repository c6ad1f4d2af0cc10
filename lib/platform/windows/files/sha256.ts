/**
 * SHA-256 by Windows itself.
 *
 * @module
 */

import { type AlgorithmHandle, bcrypt, type HashHandle } from "../ffi/bcrypt.ts";
import { STATUS } from "../ffi/ntdll.ts";
import { wide } from "../ffi/wide.ts";
import { FileError } from "./file_errors.ts";

const DIGEST_BYTES = 32;

/** Shared by all hashes, until the agent's end. */
let algorithm: AlgorithmHandle | undefined;

function check(call: string, status: number): void {
  if (status !== STATUS.SUCCESS) throw new FileError(call, status);
}

function sha256Algorithm(): AlgorithmHandle | undefined {
  if (algorithm !== undefined) return algorithm;
  const out = new BigUint64Array(1);
  check(
    "BCryptOpenAlgorithmProvider",
    bcrypt.BCryptOpenAlgorithmProvider(out, wide("SHA256"), null, 0),
  );
  return algorithm = Deno.UnsafePointer.create<"BCRYPT_ALG_HANDLE">(out[0] ?? 0n) ?? undefined;
}

/** A hash that is fed piece by piece. */
export class Sha256 implements Disposable {
  readonly #hash: HashHandle | null;

  /** @throws {FileError} if Windows has no memory for it. */
  constructor() {
    const out = new BigUint64Array(1);
    check(
      "BCryptCreateHash",
      bcrypt.BCryptCreateHash(sha256Algorithm() ?? null, out, null, 0, null, 0, 0),
    );
    this.#hash = Deno.UnsafePointer.create<"BCRYPT_HASH_HANDLE">(out[0] ?? 0n);
  }

  /** Adds bytes. */
  add(bytes: Uint8Array<ArrayBuffer>): void {
    check("BCryptHashData", bcrypt.BCryptHashData(this.#hash, bytes, bytes.byteLength, 0));
  }

  /** The digest of everything that was added, as 64 hexadecimal digits. Ends the hash. */
  digest(): string {
    const digest = new Uint8Array(DIGEST_BYTES);
    check("BCryptFinishHash", bcrypt.BCryptFinishHash(this.#hash, digest, DIGEST_BYTES, 0));
    return digest.toHex();
  }

  [Symbol.dispose](): void {
    bcrypt.BCryptDestroyHash(this.#hash);
  }
}
