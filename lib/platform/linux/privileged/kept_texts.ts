/**
 * Texts in files that only root can read, for programs that an operation runs.
 *
 * @module
 */

/** The texts of one operation; disposing of it removes them. */
export class KeptTexts implements AsyncDisposable {
  readonly #directory: string;
  readonly #paths: string[] = [];

  /** @param directory Belongs to root and is in memory; it is created if it is missing. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Writes a text; returns the path of its file. */
  async keep(text: string): Promise<string> {
    await Deno.mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const path = `${this.#directory}/text-${crypto.randomUUID()}`;
    this.#paths.push(path);
    await Deno.writeTextFile(path, text, { mode: 0o600, createNew: true });
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const path of this.#paths) await Deno.remove(path).catch(() => {});
  }
}
