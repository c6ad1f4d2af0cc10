/**
 * `deno task demo`: starts a confined agent on a temporary socket and calls every method as a host
 * would. Removes everything it made, however it ends.
 *
 * @module
 */

import { printError } from "../lib/base/terminal.ts";
import { METHODS } from "../handlers/mod.ts";
import { AgentProcess } from "./demo/agent_process.ts";
import { hasColour, inMilliseconds, Screen } from "./demo/screen.ts";
import { COMMANDS, walk } from "./demo/walk.ts";

/** Signals that end the demo early, with their numbers: the exit status is 128 plus the number. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
const SIGNAL_NAMES = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

/** Linux limits the path of a unix socket to 107 bytes; the rest is for file names. */
const MAX_DIRECTORY_BYTES = 80;
/** Directory names to try before giving up. */
const MAX_ATTEMPTS = 100;

/** A directory that is removed with its contents. */
class TemporaryDirectory implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<TemporaryDirectory> {
    // The agent follows no symbolic link, so its paths must not contain one.
    const wanted = await Deno.realPath(Deno.env.get("TMPDIR") || "/tmp");
    const isTooLong = new TextEncoder().encode(wanted).byteLength > MAX_DIRECTORY_BYTES;
    return new TemporaryDirectory(await makeShortDirectory(isTooLong ? "/tmp" : wanted));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** A new directory only we may use, named briefly since every path of the demo shows it. */
async function makeShortDirectory(parent: string): Promise<string> {
  for (let attempt = 1;; attempt++) {
    const suffix = crypto.getRandomValues(new Uint8Array(2)).toHex();
    const path = `${parent}/kvm-demo-${suffix}`;
    try {
      await Deno.mkdir(path, { mode: 0o700 });
      return path;
    } catch (error) {
      const isTaken = error instanceof Deno.errors.AlreadyExists;
      if (!isTaken || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

/** Creates the files of the demo and returns their paths. */
async function prepare(directory: string) {
  const shared = `${directory}/shared`;
  const stage = {
    socket: `${directory}/agent.sock`,
    shared,
    link: `${shared}/innocent.txt`,
    monitor: `${directory}/monitor/commands.sock`,
  };
  const config = `${directory}/config.json`;
  await Deno.mkdir(shared);
  await Deno.symlink("/etc/passwd", stage.link);
  await Deno.writeTextFile(
    config,
    JSON.stringify({
      log_file: null,
      state_directory: null,
      command_monitor: { enabled: true, pipe_path: stage.monitor },
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
  screen.line("kvmmanager-agent demo: this is the agent of a guest, you are the host", "bold");
  screen.line(`
   The agent listens on a unix socket in ${directory}, in place of a guest's
   virtio-serial port. It is confined: whatever a request asks for, Deno limits it to
     write    ${own(confinement.write)}
     read     the same paths, os-release and the directories of programs
     run      ${COMMANDS.join(", ")}, and sh for the agent's own scripts
     network  none`);
}

function conclude(screen: Screen, start: number): void {
  const took = inMilliseconds(performance.now() - start);
  screen.line("");
  screen.line(
    `Called all ${METHODS.length} methods in ${took}. The agent is stopped, its files are removed.`,
    "bold",
  );
  // A person who used npx has no `deno` on the path.
  const isNpx = Deno.env.get("npm_command") === "exec";
  const task = isNpx ? `npx -y deno@${Deno.version.deno} task` : "deno task";
  screen.line(`
   Next:
   ${task} agent --channel listen:/tmp/agent.sock    # keep an agent running
   ${task} ctl info --socket /tmp/agent.sock         # query it from another terminal
   ${task} test                                      # run the tests that need only Deno`);
}

/** Resolves to the signal that ends the demo early. */
function interruption(): Promise<keyof typeof SIGNALS> {
  const { promise, resolve } = Promise.withResolvers<keyof typeof SIGNALS>();
  for (const signal of SIGNAL_NAMES) Deno.addSignalListener(signal, () => resolve(signal));
  return promise;
}

/** Runs the demo and returns its exit status. */
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
