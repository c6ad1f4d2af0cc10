/**
 * Reports about the guest that are kept for a moment.
 *
 * Hosts ask for the same facts again and again, and each answer takes a process. A report is kept
 * only while nothing that this agent does could change what it tells: what a host has changed, it
 * sees with its next question.
 *
 * @module
 */

/** Says when reports may be kept; shared by all reports about one guest. */
export class KeptReports {
  /** Changes that are under way. */
  #changes = 0;
  #era = 0;

  /** Another number after each change of the guest; `undefined` while one is under way. */
  get era(): number | undefined {
    return this.#changes === 0 ? this.#era : undefined;
  }

  /** Drops what is kept: something in the guest has changed. */
  drop(): void {
    this.#era += 1;
  }

  /**
   * Something begins that may change the guest at any time: nothing is kept until it has ended.
   *
   * @returns What to call at its end. Only the first call counts.
   */
  change(): () => void {
    this.drop();
    this.#changes += 1;
    let isUnderWay = true;
    return () => {
      if (!isUnderWay) return;
      isUnderWay = false;
      this.#changes -= 1;
    };
  }
}

/** What is kept of a report. */
interface Kept<T> {
  readonly value: T;
  readonly era: number;
  /** Which reading it was, counted from 1. */
  readonly reading: number;
  /** In milliseconds of `performance.now()`. */
  readonly readAt: number;
}

/** One report about the guest. Whoever gets it must not change it. */
export class KeptReport<T> {
  readonly #reports: KeptReports;
  readonly #keptMs: number;
  #kept: Kept<T> | undefined;
  #readings = 0;

  /** @param keptMs For how many milliseconds it is kept at most. */
  constructor(reports: KeptReports, keptMs: number) {
    this.#reports = reports;
    this.#keptMs = keptMs;
  }

  /** The report that is kept; `undefined` if there is none. */
  get current(): T | undefined {
    const kept = this.#kept;
    if (kept === undefined || kept.era !== this.#reports.era) return undefined;
    return performance.now() - kept.readAt <= this.#keptMs ? kept.value : undefined;
  }

  /**
   * Reading begins. The function keeps what was read, unless a later reading was faster, and returns
   * it. If the guest may have changed meanwhile, nobody gets it again.
   */
  reading(): (value: T) => T {
    const { era } = this.#reports;
    const readAt = performance.now();
    const reading = ++this.#readings;
    return (value) => {
      const isLatest = reading > (this.#kept?.reading ?? 0);
      if (era !== undefined && isLatest) this.#kept = { value, era, reading, readAt };
      return value;
    };
  }

  /**
   * The report that is kept, or a new one.
   *
   * @throws What `read` throws.
   */
  async get(read: () => Promise<T>): Promise<T> {
    const { current } = this;
    if (current !== undefined) return current;
    const keep = this.reading();
    return keep(await read());
  }
}
