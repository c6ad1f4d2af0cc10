/**
 * Security attributes for something that is created.
 *
 * @module
 */

import { advapi32 } from "./ffi/advapi32.ts";
import { kernel32 } from "./ffi/kernel32.ts";
import { wide } from "./ffi/wide.ts";
import { lastError } from "./ffi/windows_error.ts";

const SDDL_REVISION_1 = 1;
/** SECURITY_ATTRIBUTES on 64-bit Windows: its own size, the descriptor, not inherited. */
const ATTRIBUTES_BYTES = 24;
const DESCRIPTOR_OFFSET = 8;

/** Security attributes, as the system takes them. */
export class SecurityAttributes {
  /** The bytes of SECURITY_ATTRIBUTES; valid until {@link free}. */
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(ATTRIBUTES_BYTES);
  /** The descriptor alone; valid until {@link free}. */
  readonly descriptor: Deno.PointerValue;

  /**
   * @param sddl A text in the Security Descriptor Definition Language.
   * @throws {WindowsError} if it is not one.
   */
  constructor(sddl: string) {
    const out = new BigUint64Array(1);
    const isMade = advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW(
      wide(sddl),
      SDDL_REVISION_1,
      out,
      null,
    );
    if (isMade === 0) throw lastError("ConvertStringSecurityDescriptorToSecurityDescriptorW");
    const view = new DataView(this.bytes.buffer);
    view.setUint32(0, ATTRIBUTES_BYTES, true);
    view.setBigUint64(DESCRIPTOR_OFFSET, out[0] ?? 0n, true);
    this.descriptor = Deno.UnsafePointer.create(out[0] ?? 0n);
  }

  /** Frees the descriptor. What was created keeps a copy. */
  free(): void {
    kernel32.LocalFree(this.descriptor);
  }
}
