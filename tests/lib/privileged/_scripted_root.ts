/**
 * Root without a machine: programs that answer what the test says, and remember how they were run.
 *
 * @module
 */

import { commandFailed } from "../../../lib/base/errors.ts";
import type { Config } from "../../../lib/config/schema.ts";
import type { Freezing, MountedFilesystem } from "../../../lib/privileged/filesystems.ts";
import type { ProgramOptions, ProgramResult, Root } from "../../../lib/privileged/operation.ts";
import { configWith, NEVER } from "../_helpers.ts";

/** A program that was run. */
export interface Run extends ProgramOptions {
  readonly program: string;
  readonly args: readonly string[];
}

/** How a program answers: success without output, as far as nothing else is said. */
export type Answer = (run: Run) => Partial<ProgramResult>;

/** A root whose programs are scripted. */
export class ScriptedRoot implements Root {
  readonly config: Config;
  readonly signal = NEVER;
  readonly runs: Run[] = [];
  /** @default {[]} */
  filesystems: readonly MountedFilesystem[] = [];
  sentMsAgo = 0;
  /** Nothing is frozen, and nothing can be. */
  freezing: Freezing = {
    freeze: () => Promise.reject(commandFailed("cannot freeze")),
    thaw: () => Promise.resolve({ thawed: [], problems: [], ended_by: null }),
    status: () => Promise.resolve({ frozen: [] }),
  };
  readonly #answer: Answer;

  constructor(answer: Answer = () => ({}), security: Partial<Config["security"]> = {}) {
    const config = configWith();
    this.config = { ...config, security: { ...config.security, ...security } };
    this.#answer = answer;
  }

  /** Programs that are not installed. */
  missing: readonly string[] = [];

  has = (program: string) => !this.missing.includes(program);

  sinceSentMs = () => this.sentMsAgo;

  run = (program: string, args: readonly string[], options: ProgramOptions = {}) => {
    const run = { program, args, ...options };
    this.runs.push(run);
    return Promise.resolve({ code: 0, stdout: "", stderr: "", ...this.#answer(run) });
  };

  /** What the agent was told. */
  readonly told: string[] = [];

  /** In the background or not, a scripted program answers at once. */
  runInBackground = (program: string, args: readonly string[], options = {}) =>
    this.run(program, args, options).then(({ code }) => code);

  /** The owners of processes, by number; all of them started at tick 7. */
  owners: Readonly<Record<number, number>> = {};
  readonly signals: (readonly [pid: number, signal: string])[] = [];

  signalProcess: Root["signalProcess"] = async ({ pid, startTicks }, signal, mayReach) => {
    const owner = this.owners[pid];
    if (owner === undefined || startTicks !== 7) return false;
    await mayReach(owner);
    this.signals.push([pid, signal]);
    return true;
  };

  /** The texts that were kept; the path of each is its number. */
  readonly kept: string[] = [];

  keepText = (text: string) => Promise.resolve(`/kept/${this.kept.push(text)}`);

  tell = (line: string) => {
    this.told.push(line);
    return Promise.resolve();
  };

  mounts = () => Promise.resolve(this.filesystems);

  /** The command lines that were run. */
  get commandLines(): string[] {
    return this.runs.map(({ program, args }) => [program, ...args].join(" "));
  }
}

/** A file system on a device. */
export const mountAt = (
  mountPoint: string,
  more: Partial<MountedFilesystem> = {},
): MountedFilesystem => ({
  mountPoint,
  device: `/dev/${mountPoint.slice(1) || "root"}`,
  fsType: "ext4",
  deviceNumber: "254:1",
  isReadOnly: false,
  ...more,
});
