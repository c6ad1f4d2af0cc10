/**
 * The agent under test: bundled, with the flags it is shipped with.
 *
 * @module
 */

import { agentCommand } from "../agent.ts";
import type { Scratch } from "../bench/scratch.ts";
import { Wire } from "../bench/wire.ts";

const CONNECT_DEADLINE_MS = 20_000;
const RETRY_MS = 10;

/** An agent that runs. */
export interface SoakedAgent {
  readonly pid: number;
  readonly child: Deno.ChildProcess;
  /** What it may read and write. */
  readonly files: string;
  /** The socket of its command monitor. */
  readonly monitor: string;
  connect(): Promise<Wire>;
}

/** Starts an agent; it ends with the scratch directory. */
export async function startAgent(
  scratch: Scratch,
  limits: Readonly<Record<string, unknown>>,
): Promise<SoakedAgent> {
  const [socket, config, files] = [scratch.newPath(), scratch.newPath(), scratch.newPath()];
  const monitor = `${scratch.newPath()}/m.sock`;
  await Deno.mkdir(files);
  await Deno.writeTextFile(
    config,
    JSON.stringify({
      log_level: "error",
      log_file: null,
      state_directory: null,
      audit_file: scratch.newPath(),
      command_monitor: { enabled: true, pipe_path: monitor },
      security: { allowed_read_paths: [files], allowed_write_paths: [files] },
      ...limits,
    }),
  );
  const args = await agentCommand(["--channel", `listen:${socket}`, "--config", config], {
    bundled: true,
  });
  const child = scratch.spawn(Deno.execPath(), args);
  const connect = () => Wire.connect(socket);
  (await retried(connect))[Symbol.dispose]();
  // The monitor's socket may come later than the channel's.
  (await retried(() => Deno.connect({ transport: "unix", path: monitor }))).close();
  return { pid: child.pid, child, files, monitor, connect };
}

/** Connects as soon as possible. */
async function retried<Connected>(connect: () => Promise<Connected>): Promise<Connected> {
  const deadline = performance.now() + CONNECT_DEADLINE_MS;
  for (;;) {
    try {
      return await connect();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
