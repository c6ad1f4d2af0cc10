/**
 * Keeps the agent's own files for the system and administrators.
 *
 * Below `%ProgramData%` everybody may create directories, and what is created there can be read by
 * everybody.
 *
 * @module
 */

import type { Config } from "../../../config/schema.ts";
import { messageOf } from "../../../base/message_of.ts";
import { sidText } from "../account_sid.ts";
import { handleAt, isHandle } from "../ffi/handle.ts";
import { kernel32 } from "../ffi/kernel32.ts";
import { services } from "../ffi/services.ts";
import { wide } from "../ffi/wide.ts";
import { ERROR, lastError } from "../ffi/windows_error.ts";
import { SecurityAttributes } from "../security_attributes.ts";

/** Full access for the system and administrators, for nobody else, and the same for what is in it. */
const OWN_DIRECTORY = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";
const OWN_FILE = "D:P(A;;FA;;;SY)(A;;FA;;;BA)";
const TRUSTED: readonly string[] = ["S-1-5-18", "S-1-5-32-544"];

const OWNER_SECURITY_INFORMATION = 0x1;
/** DACL_SECURITY_INFORMATION and PROTECTED_DACL_SECURITY_INFORMATION. */
const PROTECTED_LIST = 0x8000_0004;
const MAX_DESCRIPTOR_BYTES = 4096;
/** Where a self-relative descriptor says where its owner is (winnt.h). */
const OWNER_OFFSET = 4;
const TOKEN_QUERY = 0x8;
const TOKEN_USER = 1;
/** Where the user's SID is behind TOKEN_USER, and room for both. */
const TOKEN_USER_BYTES = 16;
const MAX_TOKEN_USER_BYTES = 128;
const READ_CONTROL = 0x2_0000;
const SHARE_ALL = 7;
const OPEN_ALWAYS = 4;
const FILE_FLAG_OPEN_REPARSE_POINT = 0x0020_0000;

/**
 * Creates a directory for the system and administrators alone, or makes the one that is there so.
 *
 * @throws {Error} if somebody else has created it: what is in it could be theirs.
 */
export function ownDirectory(path: string): void {
  withSecurity(OWN_DIRECTORY, (security) => {
    if (kernel32.CreateDirectoryW(wide(path), security.bytes) !== 0) return;
    const error = lastError("CreateDirectoryW");
    if (error.code !== ERROR.ALREADY_EXISTS) throw error;
    const owner = ownerOf(path);
    if (!TRUSTED.includes(owner) && owner !== ownSid()) {
      throw new Error(
        `${path} belongs to ${owner}, who may have put files into it; look at them and remove it`,
      );
    }
    protect(path, security);
  });
}

/**
 * Creates a file for the system and administrators alone, or makes the one that is there so.
 *
 * @throws {WindowsError}
 */
export function ownFile(path: string): void {
  withSecurity(OWN_FILE, (security) => {
    const file = kernel32.CreateFileW(
      wide(path),
      READ_CONTROL,
      SHARE_ALL,
      security.bytes,
      OPEN_ALWAYS,
      FILE_FLAG_OPEN_REPARSE_POINT,
      null,
    );
    if (!isHandle(file)) throw lastError("CreateFileW");
    kernel32.CloseHandle(file);
    protect(path, security);
  });
}

/** Protects what a configuration names as the agent's own; returns what went wrong. */
export function protectOwnFiles(
  { log_file, audit_file, state_directory }: Config,
): string[] {
  const attempt = (path: string | null, own: (path: string) => void) => {
    if (path === null) return [];
    try {
      own(path);
      return [];
    } catch (error) {
      return [`${path}: ${messageOf(error)}`];
    }
  };
  return [
    ...attempt(log_file, ownFile),
    ...attempt(audit_file, ownFile),
    ...attempt(state_directory, ownDirectory),
  ];
}

function withSecurity(sddl: string, use: (security: SecurityAttributes) => void): void {
  const security = new SecurityAttributes(sddl);
  try {
    use(security);
  } finally {
    security.free();
  }
}

function protect(path: string, { descriptor }: SecurityAttributes): void {
  if (services.SetFileSecurityW(wide(path), PROTECTED_LIST, descriptor) === 0) {
    throw lastError("SetFileSecurityW");
  }
}

/** The SID of a file's owner. */
export function ownerOf(path: string): string {
  const descriptor = new Uint8Array(MAX_DESCRIPTOR_BYTES);
  const needed = new Uint32Array(1);
  const isRead = services.GetFileSecurityW(
    wide(path),
    OWNER_SECURITY_INFORMATION,
    descriptor,
    descriptor.byteLength,
    needed,
  );
  if (isRead === 0) throw lastError("GetFileSecurityW");
  const owner = new DataView(descriptor.buffer).getUint32(OWNER_OFFSET, true);
  return sidText(descriptor.subarray(owner));
}

/** The SID of the account that this process runs as. */
function ownSid(): string {
  const out = new BigUint64Array(1);
  if (services.OpenProcessToken(kernel32.GetCurrentProcess(), TOKEN_QUERY, out) === 0) {
    throw lastError("OpenProcessToken");
  }
  const token = handleAt<"HANDLE">(out);
  try {
    const user = new Uint8Array(MAX_TOKEN_USER_BYTES);
    const needed = new Uint32Array(1);
    if (services.GetTokenInformation(token, TOKEN_USER, user, user.byteLength, needed) === 0) {
      throw lastError("GetTokenInformation");
    }
    return sidText(user.subarray(TOKEN_USER_BYTES));
  } finally {
    kernel32.CloseHandle(token);
  }
}
