/**
 * A folder of the state in memory, for an agent that cannot use its state directory.
 *
 * @module
 */

import type { Spool, SpoolLimits, StateFolder } from "../../guest/state.ts";
import { checkName } from "./names.ts";
import { MemorySegments } from "./memory_segments.ts";
import { SegmentedSpool } from "./spool.ts";

/** Bytes that a spool in memory keeps at most. */
const MAX_SPOOL_BYTES = 128 * 1024;

/** A folder whose content is gone when the agent's process ends. */
export class MemoryFolder implements StateFolder {
  readonly #folders = new Map<string, MemoryFolder>();
  readonly #texts = new Map<string, string>();
  readonly #parent: Map<string, MemoryFolder> | undefined;
  readonly #name: string;

  constructor(name = "", parent?: Map<string, MemoryFolder>) {
    this.#name = name;
    this.#parent = parent;
  }

  folder(name: string): StateFolder {
    checkName(name);
    return this.#folders.get(name) ?? new MemoryFolder(name, this.#folders);
  }

  folders(): Promise<readonly string[]> {
    return Promise.resolve([...this.#folders.keys()]);
  }

  readText(name: string): Promise<string | undefined> {
    return Promise.resolve(this.#texts.get(name));
  }

  writeText(name: string, text: string): Promise<void> {
    checkName(name);
    this.#parent?.set(this.#name, this);
    this.#texts.set(name, text);
    return Promise.resolve();
  }

  removeText(name: string): Promise<void> {
    this.#texts.delete(name);
    return Promise.resolve();
  }

  async spool(name: string, { bytes }: SpoolLimits): Promise<Spool> {
    checkName(name);
    return await SegmentedSpool.open(new MemorySegments(), {
      bytes: Math.min(bytes, MAX_SPOOL_BYTES),
    });
  }

  remove(): Promise<void> {
    if (this.#parent?.get(this.#name) === this) this.#parent.delete(this.#name);
    this.#texts.clear();
    this.#folders.clear();
    return Promise.resolve();
  }
}
