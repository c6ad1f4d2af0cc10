/**
 * Garbage collection paced by traffic.
 *
 * V8 lets its heap grow by some ten megabytes of dead strings before it collects garbage: little
 * for a browser, a fifth of this agent's whole budget. The agent is shipped with `--expose-gc` and
 * collects after its traffic has left a fixed number of bytes of garbage.
 *
 * All weights are here. They are chosen so that `deno task soak` and the peak rows of `deno task
 * bench` stay within the budget; larger weights cost time, smaller ones memory.
 *
 * @module
 */

/** Bytes of garbage after which a collection is due, at the next moment when no host waits … */
const DUE_BYTES = 1.5 * 1024 * 1024;
/** … and after which it runs immediately. */
const OVERDUE_BYTES = 2 * 1024 * 1024;

/**
 * From this resident memory on, little of the 50 MiB is left: the estimate is not relied on …
 */
const TIGHT_BYTES = 47.5 * 1024 * 1024;
/** … and a collection is due once as much has been added since the last full one … */
const TIGHT_GROWTH_BYTES = 0.5 * 1024 * 1024;
/** … which is looked at whenever this much garbage has been counted. It takes 4 µs. */
const LOOK_BYTES = 64 * 1024;
/** From this resident memory on, both are a fraction of that. */
const CRITICAL_BYTES = 48 * 1024 * 1024;
const CRITICAL_SHARE = 0.25;

/** The share of received bytes that becomes garbage: the buffer is reused, the text is not. */
const RECEIVED_SHARE = 0.5;
/** The share of sent bytes that were never text: producing them left garbage. */
const SENT_BYTES_SHARE = 1 / 64;
/** Of fewer parts in one queue hardly any is old enough to outlive what is young. */
const FEW_PARTS = 128;
/** A request of a burst, its reply and their promises, beside the text. */
const QUEUED_PART_BYTES = 320;
/** A call that is not immediate leaves promises, timers and an abort controller. */
const CALL_BYTES = 1024;
/** A transfer has four pieces in flight; the requests of more calls wait, and outlive what is young. */
const FEW_CALLS = 4;
/** Four of the largest requests, by default: as long as more text is held, much of it outlives what is young. */
const MUCH_HELD_BYTES = 256 * 1024;
/**
 * The line of such a request, its parsed text, what was made of it, and as much again: what is held
 * takes the room that garbage has otherwise.
 */
const HELD_TEXT_FACTOR = 4;
/** A member or an element of parsed JSON: the value, its name, copies of the object that holds it. */
const VALUE_BYTES = 200;
/** A host leaves its conversation, its writer, and promises, of which most have outlived what is young. */
const HOST_BYTES = 8 * 1024;
/** A child process leaves streams and promises. */
const CHILD_BYTES = 16 * 1024;
/** Its output is decoded and escaped in pieces, which die young. */
const OUTPUT_FACTOR = 4;
/** `JSON.stringify()` writes a large result into buffers eight times as large, which live long. */
const STRINGIFIED_FACTOR = 8;
/** A read from a stream leaves promises, views and requests. */
const PIPE_READ_BYTES = 2048;
/** A text with more values than this is copied in parts; one with fewer holds a few long strings. */
const MANY_VALUES = 64;
/** A variable or an argument is copied, made a pair, and copied again. */
const SPAWNED_VALUE_BYTES = 256;
/** A listed name is a line of two programs, an entry, and an object of the answer. */
const LISTED_NAME_BYTES = 1500;

const collect: unknown = Reflect.get(globalThis, "gc");
let garbageBytes = 0;
/** When the last call came: more than a transfer has, or much text. */
let areManyInFlight = false;
let nextLookBytes = LOOK_BYTES;
/** Resident memory after the last full collection. */
let residentBytes = 0;
/** Since the last full one. */
let minorCollections = 0;

/** Counts received bytes. */
export function countReceived(bytes: number): void {
  countGarbage(bytes * RECEIVED_SHARE);
}

/** Counts sent text, in bytes. */
export function countSentText(bytes: number): void {
  countGarbage(bytes);
}

/** Counts sent bytes that were never text. */
export function countSentBytes(bytes: number): void {
  countGarbage(bytes * SENT_BYTES_SHARE);
}

/** Counts parts of messages that have waited in one queue and leave together. */
export function countQueued(parts: number): void {
  if (parts <= FEW_PARTS) return;
  countLasting();
  countGarbage(parts * QUEUED_PART_BYTES);
}

/** The text of a request that has arrived, and the text beside it. */
export interface RequestText {
  /** Bytes that the request holds in memory. */
  readonly bytes: number;
  /** Bytes that the requests hold which wait or run. */
  readonly heldBytes: number;
}

/** Counts a call that leaves more garbage than its text, and how many are in flight with it. */
export function countCall(inFlight: number, { bytes, heldBytes }: RequestText): void {
  const isMuchHeld = heldBytes > MUCH_HELD_BYTES;
  areManyInFlight = inFlight > FEW_CALLS || isMuchHeld;
  if (areManyInFlight) countLasting();
  countGarbage(CALL_BYTES + (isMuchHeld ? bytes * HELD_TEXT_FACTOR : 0));
}

/** Notes that what was counted outlives a minor collection: the next one is a full one. */
export function countLasting(): void {
  minorCollections = MINOR_BETWEEN_FULL;
}

/** Counts a long JSON text that has been parsed, with its members and elements. */
export function countLongMessage(characters: number, values: number): void {
  countGarbage((values > MANY_VALUES ? characters : 0) + values * VALUE_BYTES);
}

/** Counts a host that has come: what it leaves is garbage once it has left. */
export function countHost(): void {
  countGarbage(HOST_BYTES);
}

/** Counts a child process. */
export function countChild(): void {
  countGarbage(CHILD_BYTES);
}

/** Counts what loading the program has left: it is collected after the first message has left. */
export function countStart(): void {
  countGarbage(DUE_BYTES);
}

/** Counts what a child has printed, in bytes that were kept. */
export function countOutput(bytes: number): void {
  countGarbage(bytes * OUTPUT_FACTOR);
}

/** Counts a large result that becomes JSON, in bytes of that. */
export function countStringified(bytes: number): void {
  countLasting();
  countGarbage(bytes * STRINGIFIED_FACTOR);
}

/** Counts a read from a pipe, whatever it returned. */
export function countPipeRead(): void {
  countGarbage(PIPE_READ_BYTES);
}

/** Counts an environment or a list of arguments of a child. */
export function countSpawnedValues(values: number): void {
  countGarbage(values * SPAWNED_VALUE_BYTES);
}

/** Counts names of a directory that were listed and described. */
export function countListed(names: number): void {
  countGarbage(names * LISTED_NAME_BYTES);
}

/** Counts bytes that will be garbage. */
export function countGarbage(bytes: number): void {
  garbageBytes += bytes;
  if (garbageBytes >= OVERDUE_BYTES || isTight()) collectNow(FULL_COLLECTION);
}

/** Whether resident memory nears the budget, and has grown: what has been counted may be too little. */
function isTight(): boolean {
  // One transfer, or one call after another: the estimate suits those, and collecting takes time.
  const isEstimateEnough = !areManyInFlight && minorCollections < MINOR_BETWEEN_FULL;
  if (isEstimateEnough || garbageBytes < nextLookBytes) return false;
  const { rss } = Deno.memoryUsage();
  const share = rss > CRITICAL_BYTES ? CRITICAL_SHARE : 1;
  nextLookBytes = garbageBytes + share * LOOK_BYTES;
  return rss > TIGHT_BYTES && rss > residentBytes + share * TIGHT_GROWTH_BYTES;
}

/** Collects if it is due. Called when an answer has just been sent and the host is busy with it. */
export function collectIfDue(): void {
  if (garbageBytes < DUE_BYTES) return;
  collectNow(minorCollections < MINOR_BETWEEN_FULL ? MINOR_COLLECTION : FULL_COLLECTION);
}

/** Frees what died young, which is nearly all that steady traffic leaves. */
const MINOR_COLLECTION = { type: "minor", execution: "sync" } as const;
/**
 * Frees everything, and returns freed pages to the kernel: kept by V8, they would stay resident. It
 * takes more than ten times as long.
 */
const FULL_COLLECTION = { type: "major", execution: "sync", flavor: "last-resort" } as const;
/** What outlives a minor collection waits for a full one. */
const MINOR_BETWEEN_FULL = 3;

function collectNow(kind: typeof MINOR_COLLECTION | typeof FULL_COLLECTION): void {
  garbageBytes = 0;
  nextLookBytes = LOOK_BYTES;
  minorCollections = kind === FULL_COLLECTION ? 0 : minorCollections + 1;
  if (typeof collect !== "function") return;
  collect(kind);
  if (kind === FULL_COLLECTION) residentBytes = Deno.memoryUsage().rss;
}
