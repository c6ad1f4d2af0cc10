/**
 * `deno task demo`: starts a confined agent on a temporary socket and walks through every method as
 * a host would. Leaves nothing behind, however it ends.
 *
 * @module
 */

import { printError } from "../lib/base/terminal.ts";
import { METHODS } from "../handlers/mod.ts";
import { AgentProcess } from "./demo/agent_process.ts";
import { hasColour, inMilliseconds, Screen } from "./demo/screen.ts";
import { COMMANDS, walk } from "./demo/walk.ts";

/** What ends a demo early, with the numbers that exit statuses are made of. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
const SIGNAL_NAMES = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

/** The sockets of Linux have at most 107 bytes of path. */
const MAX_DIRECTORY_BYTES = 80;

/** A directory that is removed with all that is in it. */
class TemporaryDirectory implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<TemporaryDirectory> {
    const prefix = "kvm-demo-";
    let path = await Deno.makeTempDir({ prefix });
    if (new TextEncoder().encode(path).byteLength > MAX_DIRECTORY_BYTES) {
      await Deno.remove(path);
      path = await Deno.makeTempDir({ dir: "/tmp", prefix });
    }
    // The agent follows no link, so its paths are to have none.
    return new TemporaryDirectory(await Deno.realPath(path));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** The files of the demo in its directory, and where they are. */
async function prepare(directory: string) {
  const shared = `${directory}/shared`;
  const stage = { socket: `${directory}/agent.sock`, shared, link: `${shared}/innocent.txt` };
  const config = `${directory}/config.json`;
  await Deno.mkdir(shared);
  await Deno.symlink("/etc/passwd", stage.link);
  await Deno.writeTextFile(
    config,
    JSON.stringify({
      log_file: null,
      security: {
        allowed_read_paths: [shared],
        allowed_write_paths: [shared],
        command_whitelist: COMMANDS,
      },
    }),
  );
  return { stage, config };
}

function introduce(screen: Screen, agent: AgentProcess, directory: string): void {
  const own = (paths: readonly string[]) =>
    paths.filter((path) => path.startsWith(directory)).map((path) => path.slice(directory.length))
      .map((path) => `…${path}`).join(" ");
  const { confinement } = agent;
  if (confinement === undefined) throw new Error("the agent is not confined");
  screen.line("kvmmanager-agent: this is a guest's agent, and you are its host", "bold");
  screen.line(`
   It serves a unix socket, as QEMU does for a virtio-serial port, in
   ${directory}
   Its log says "confined": whatever a request asks for, Deno lets the process
     write  ${own(confinement.write)}
     read   the same, os-release and where programs are
     run    ${COMMANDS.join(", ")}, and sh for scripts of its own
     and use no network`);
}

function conclude(screen: Screen, start: number): void {
  const took = inMilliseconds(performance.now() - start);
  screen.line(
    `\nAll ${METHODS.length} methods shown in ${took}; the agent is stopped, nothing is left.`,
    "bold",
  );
  // Whoever came by npx has no `deno` of their own.
  const isNpx = Deno.env.get("npm_command") === "exec";
  const task = isNpx ? `npx -y deno@${Deno.version.deno} task` : "deno task";
  screen.line(`
   Try next:
   ${task} agent --channel listen:/tmp/agent.sock               # an agent that stays
   ${task} ctl call get_system_info --socket /tmp/agent.sock    # from another terminal
   ${task} test                                                 # all that needs only Deno`);
}

/** Resolves with the signal that is to end the demo. */
function interruption(): Promise<keyof typeof SIGNALS> {
  const { promise, resolve } = Promise.withResolvers<keyof typeof SIGNALS>();
  for (const signal of SIGNAL_NAMES) Deno.addSignalListener(signal, () => resolve(signal));
  return promise;
}

/** The demo from its start to its end; the exit status. */
async function demo(interrupted: Promise<keyof typeof SIGNALS>): Promise<number> {
  const start = performance.now();
  const screen = new Screen(hasColour());
  let agent: AgentProcess | undefined;
  try {
    await using directory = await TemporaryDirectory.make();
    const { stage, config } = await prepare(directory.path);
    await using running = await AgentProcess.start(
      ["--channel", `listen:${stage.socket}`, "--config", config],
    );
    agent = running;
    const show = async () => {
      await running.ready();
      introduce(screen, running, directory.path);
      await walk({ screen, ...stage });
    };
    const signal = await Promise.race([show(), interrupted]);
    if (signal !== undefined) {
      screen.silence();
      printError("\ninterrupted: stopping the agent");
      return 128 + SIGNALS[signal];
    }
  } catch (error) {
    printError(`\nThe demo failed: ${error instanceof Error ? error.message : error}`);
    if (agent !== undefined) printError(`The agent's log:\n${agent.log.join("\n")}`);
    return 1;
  }
  conclude(screen, start);
  return 0;
}

if (import.meta.main) Deno.exit(await demo(interruption()));
