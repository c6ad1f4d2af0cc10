/**
 * What the agent keeps between its runs: the interface that every platform implements.
 *
 * @module
 */

/** A piece of a {@link Spool}: neighbouring records of one kind, joined. */
export interface SpoolRun {
  readonly kind: number;
  /** Valid until the piece is released. */
  readonly bytes: Uint8Array;
}

/** What was read from a {@link Spool}. */
export interface SpoolPiece {
  /** In order of arrival. */
  readonly runs: readonly SpoolRun[];
  /** Where the first run begins. */
  readonly begin: number;
  /** Where to read next. */
  readonly next: number;
  /** How much between the requested position and `next` is no longer, or never was, kept. */
  readonly lost: number;
  /** Allows the memory of the runs to be reused. */
  release(): void;
}

/** Limits on what a {@link Spool} keeps. */
export interface SpoolLimits {
  /** Bytes; the oldest are dropped. A spool in memory keeps less. */
  readonly bytes: number;
}

/** How a {@link Spool} is read. */
export interface SpoolReadOptions {
  /** Bytes of all runs together. */
  readonly maxBytes: number;
  /** What each run counts beside its bytes; 0 by default. */
  readonly bytesPerRun?: number;
  /** Whether each record is a run, instead of being joined with its neighbours. */
  readonly separate?: boolean;
}

/**
 * An append-only sequence of records, the oldest of which are dropped. Each record has a position:
 * the sum of `advance` of all records before it, counted from the first record ever.
 */
export interface Spool {
  /** The position of the oldest record that is kept. */
  readonly begin: number;
  /** The position of the next record. */
  readonly end: number;
  /** Bytes that are kept, with their headers. */
  readonly storedBytes: number;
  /**
   * Appends a record. Appends happen in the order of the calls.
   *
   * @param kind From 1 to 255.
   * @param advance How far it moves the position: its bytes, or 1 for records that are counted.
   * @returns Whether it is kept. If not, as on a full disk, readers see a gap of this size.
   */
  append(kind: number, bytes: Uint8Array, advance: number): Promise<boolean>;
  /**
   * Reads from a position on: at least one record if there is one, and otherwise as many as fit.
   * Records whose `advance` is their size are split at any byte; others are not split, and larger
   * ones than `maxBytes` are returned whole.
   */
  read(position: number, options: SpoolReadOptions): Promise<SpoolPiece>;
  /** Drops the oldest segment, a fraction of what is kept; returns whether there was one. */
  dropOldest(): Promise<boolean>;
  /** Resolves when everything appended so far is on disk. */
  flush(): Promise<void>;
  /** Closes it after the appends in progress. What is kept stays. */
  close(): Promise<void>;
}

/**
 * A folder of the state. Names are up to 64 letters, digits, `.`, `_` and `-`, and start with a
 * letter or digit.
 */
export interface StateFolder {
  /** A folder in it, which is created when something is put into it. */
  folder(name: string): StateFolder;
  /** The names of the folders in it. */
  folders(): Promise<readonly string[]>;
  /** A small file's text, or `undefined` if there is none, or none that the agent wrote. */
  readText(name: string): Promise<string | undefined>;
  /** Writes a small file; after a crash it has either the old or the new text. */
  writeText(name: string, text: string): Promise<void>;
  /** Removes a small file, if there is one; that works on a full disk, too. */
  removeText(name: string): Promise<void>;
  /** Opens the spool with this name; it is created when something is appended. */
  spool(name: string, limits: SpoolLimits): Promise<Spool>;
  /** Removes the folder and everything in it. */
  remove(): Promise<void>;
}

/** The state of the agent. */
export interface State {
  /** Whether it outlives the agent's process: it is on disk, not in memory. */
  readonly isPersistent: boolean;
  /** Bytes that all spools may take together; a limit only in memory. */
  readonly capacityBytes: number;
  readonly root: StateFolder;
}
