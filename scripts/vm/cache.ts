/**
 * A cache of build results, keyed by the hash of their inputs.
 *
 * An entry is a file or a directory `KIND-HASH`. It appears by one rename, so it is never incomplete;
 * processes that need the same entry wait for the one that builds it. The oldest entries of a kind are
 * removed when there are too many.
 *
 * @module
 */

/** How many entries of a kind are kept. */
const KEPT = 4;
/** A recently used entry may be the disk of a running guest, and a workshop may be in use. */
const UNTOUCHABLE_MS = 30 * 60 * 1000;

const WORKSHOP_PREFIX = ".building-";
const HASH_REGEXP = /^[0-9a-f]{32}$/;

const encoder = new TextEncoder();

/** The first half of a SHA-256 over all parts, in hexadecimal digits. */
export async function hashOf(...parts: readonly (string | Uint8Array)[]): Promise<string> {
  const digests: string[] = [];
  // Hashed one by one, so the boundaries between parts count.
  for (const part of parts) {
    const bytes = typeof part === "string" ? encoder.encode(part) : new Uint8Array(part);
    digests.push(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex());
  }
  const whole = encoder.encode(digests.join(" "));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole)).toHex().slice(0, 32);
}

/** The directory of the entries, below `$XDG_CACHE_HOME` or `~/.cache`. */
function cacheDirectory(): string {
  const home = Deno.env.get("XDG_CACHE_HOME") || `${Deno.env.get("HOME") ?? "/root"}/.cache`;
  return `${home}/kvmmanager-agent/vm`;
}

/**
 * The path of an entry, which is built if it does not exist.
 *
 * @param kind The beginning of its name.
 * @param hash The hash of its inputs; see {@link hashOf}.
 * @param build Creates it at a path in the same file system; called at most once.
 */
export async function cached(
  kind: string,
  hash: string,
  build: (path: string) => Promise<void>,
): Promise<string> {
  const directory = cacheDirectory();
  await Deno.mkdir(directory, { recursive: true });
  const entry = `${directory}/${kind}-${hash}`;
  const lock = await Deno.open(`${entry}.lock`, { create: true, write: true });
  using _lock = lock;
  await lock.lock(true);
  if (!await isThere(entry)) {
    const workshop = await Deno.makeTempDir({ dir: directory, prefix: WORKSHOP_PREFIX });
    try {
      await build(`${workshop}/new`);
      await Deno.rename(`${workshop}/new`, entry);
    } finally {
      await Deno.remove(workshop, { recursive: true });
    }
  }
  const now = new Date();
  await Deno.utime(entry, now, now);
  await removeOld(directory, kind);
  return entry;
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Removes surplus entries of a kind, and the workshops of builds that were killed. */
async function removeOld(directory: string, kind: string): Promise<void> {
  const entries: { path: string; usedAt: number }[] = [];
  const workshops: typeof entries = [];
  for await (const { name } of Deno.readDir(directory)) {
    const isEntry = name.startsWith(`${kind}-`) && HASH_REGEXP.test(name.slice(kind.length + 1));
    if (!isEntry && !name.startsWith(WORKSHOP_PREFIX)) continue;
    const path = `${directory}/${name}`;
    const info = await Deno.stat(path).catch(() => undefined);
    // Another process has removed it.
    if (info === undefined) continue;
    (isEntry ? entries : workshops).push({ path, usedAt: info.mtime?.getTime() ?? 0 });
  }
  entries.sort((a, b) => b.usedAt - a.usedAt);
  for (const { path, usedAt } of [...entries.slice(KEPT), ...workshops]) {
    if (Date.now() - usedAt < UNTOUCHABLE_MS) continue;
    await removeIfThere(path);
    await removeIfThere(`${path}.lock`);
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
