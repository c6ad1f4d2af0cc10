/**
 * Freezing and thawing by system call.
 *
 * Not by fsfreeze(8): a process that has to start a program from a frozen file system depends on
 * more than it must. What freezes has everything in memory that it needs to thaw.
 *
 * @module
 */

import { bytesOfPath } from "./path_text.ts";

/** Where the C library is, on the systems that the agent runs on. */
export const LIBC_PATHS = [
  "/lib/x86_64-linux-gnu/libc.so.6",
  "/lib/aarch64-linux-gnu/libc.so.6",
  "/lib64/libc.so.6",
  "/usr/lib/libc.so.6",
] as const;

/** ioctl_fifreeze(2): `_IOWR('X', 119, int)` and `_IOWR('X', 120, int)`. */
const FIFREEZE = 0xc0045877n;
const FITHAW = 0xc0045878n;
/** O_CLOEXEC | O_NONBLOCK, the same on x86-64 and arm64. */
const OPEN_FLAGS = 0o2004000;

/** Numbers of errors (errno(3)). */
export const ERRNO = { EBUSY: 16, EINVAL: 22, ENOTTY: 25, EOPNOTSUPP: 95 } as const;

/**
 * The path of the C library. A guest may have that of another processor too (Debian's multiarch).
 *
 * @throws {Error} if it is not found.
 */
export function libcPath(
  architecture: typeof Deno.build.arch = Deno.build.arch,
  isThere: (path: string) => boolean = exists,
): string {
  const paths = LIBC_PATHS.filter((path) =>
    !path.includes("-linux-gnu/") || path.includes(`/${architecture}-`)
  );
  const path = paths.find((candidate) => isThere(candidate));
  if (path === undefined) throw new Error(`no C library at ${paths.join(", ")}`);
  return path;
}

/** The calls; each returns 0, or the number of the error. */
export interface FreezeCalls {
  /** Takes a path as `textOfPaths` returns it. Returns a file descriptor, or the negative number of the error. */
  open(path: string): number;
  close(fd: number): void;
  freeze(fd: number): Promise<number>;
  thaw(fd: number): Promise<number>;
  /** Lets go of the library: nothing may be called any more. */
  unload(): void;
}

/**
 * The C library's calls. The slow ones run on other threads, so that timers keep working.
 *
 * @param libc The library's path.
 * @throws {Error} if the library is not found.
 */
export function loadFreezeCalls(libc: string = libcPath()): FreezeCalls {
  const library = Deno.dlopen(libc, {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
    ioctl: { parameters: ["i32", "usize", "usize"], result: "i32", nonblocking: true },
    ioctlHere: { name: "ioctl", parameters: ["i32", "usize", "usize"], result: "i32" },
    __errno_location: { parameters: [], result: "pointer" },
    memcpy: { parameters: ["buffer", "pointer", "usize"], result: "pointer" },
  });
  const { symbols } = library;
  const errno = () => {
    const number = new Int32Array(1);
    symbols.memcpy(number, symbols.__errno_location(), 4n);
    return number[0] ?? 0;
  };
  const control = async (fd: number, request: bigint) => {
    if (await symbols.ioctl(fd, request, 0n) === 0) return 0;
    // The error's number belongs to the other thread. A call that fails does so at once, so it is
    // repeated here.
    return symbols.ioctlHere(fd, request, 0n) === 0 ? 0 : errno();
  };
  return {
    open: (path) => {
      const fd = symbols.open(bytesOfPath(`${path}\0`), OPEN_FLAGS);
      return fd >= 0 ? fd : -errno();
    },
    close: (fd) => void symbols.close(fd),
    freeze: (fd) => control(fd, FIFREEZE),
    thaw: (fd) => control(fd, FITHAW),
    unload: () => library.close(),
  };
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
