/**
 * What became of the calls of a fleet's clients: a repeated attempt gets the same answer and does
 * nothing again.
 *
 * @module
 */

/** The limits of what is remembered. */
export interface OutcomeLimits {
  readonly count: number;
  readonly bytes: number;
}

const LIMITS: OutcomeLimits = { count: 20_000, bytes: 32 * 1024 * 1024 };
/** A client's clock may be behind. */
const GRACE_MS = 60_000;

interface Outcome {
  readonly answer: Promise<Uint8Array>;
  readonly deadline: number;
  bytes: number;
  isKnown: boolean;
}

/** Calls that are under way, and answers until their deadlines. */
export class Outcomes {
  readonly #limits: OutcomeLimits;
  readonly #outcomes = new Map<string, Outcome>();
  #bytes = 0;
  /** The last deadline of a call whose answer had to be dropped before it. */
  #forgottenUntil = 0;

  constructor(limits: OutcomeLimits = LIMITS) {
    this.#limits = limits;
  }

  /** Calls under way. */
  get unanswered(): Promise<Uint8Array>[] {
    return [...this.#outcomes.values()].filter(({ isKnown }) => !isKnown)
      .map(({ answer }) => answer);
  }

  /** Whether a call of this key may have been made and forgotten. */
  mayHaveForgotten(key: string): boolean {
    return !this.#outcomes.has(key) && Date.now() < this.#forgottenUntil + GRACE_MS;
  }

  /**
   * The answer of the call with this key, which is made unless it has been.
   *
   * @param deadline In milliseconds since 1970; some time later the answer is dropped.
   */
  of(key: string, deadline: number, call: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const known = this.#outcomes.get(key);
    if (known !== undefined) return known.answer;
    const outcome: Outcome = { answer: call(), deadline, bytes: key.length, isKnown: false };
    this.#outcomes.set(key, outcome);
    this.#bytes += outcome.bytes;
    void outcome.answer.then(({ byteLength }) => {
      outcome.isKnown = true;
      outcome.bytes += byteLength;
      this.#bytes += byteLength;
      this.#drop();
    });
    return outcome.answer;
  }

  /** Drops what nobody may ask for any more, and the oldest of what is too much. */
  #drop(): void {
    const now = Date.now();
    for (const [key, { deadline, bytes, isKnown }] of this.#outcomes) {
      const isExpired = now > deadline + GRACE_MS;
      const isTooMuch = this.#outcomes.size > this.#limits.count ||
        this.#bytes > this.#limits.bytes;
      if (!isExpired && !isTooMuch) return;
      if (!isKnown) continue;
      if (!isExpired) this.#forgottenUntil = Math.max(this.#forgottenUntil, deadline);
      this.#outcomes.delete(key);
      this.#bytes -= bytes;
    }
  }
}
