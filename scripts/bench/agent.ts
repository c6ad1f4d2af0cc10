/**
 * Our agent, bundled and with its rate limits lifted.
 *
 * @module
 */

import { shellWords } from "../../commands/permissions.ts";
import { agentCommand } from "../agent.ts";
import { type Caller, member, numberIn, type RequestText, stringIn } from "./caller.ts";
import { concatenate, type Peer, PIECE_BYTES, type Running, type Speech } from "./peer.ts";
import { type Compiler, v8FlagsFor } from "./compilers.ts";
import { QemuGaSpeech } from "./qemu_ga.ts";
import type { Scratch } from "./scratch.ts";
import { parseLine } from "./wire.ts";

/** A request of our agent as a line. */
export const request = (method: string, params: unknown = {}): RequestText => {
  const rest = `"method":"${method}","params":${JSON.stringify(params)}}\n`;
  return (id) => `{"jsonrpc":"2.0","id":${id},${rest}`;
};

/** The agent of this repository, serving files in the scratch directory. */
export async function agentPeer(scratch: Scratch, compiler: Compiler = "none"): Promise<Peer> {
  return {
    ...await configuredPeer(scratch, compiler, {}),
    withMonitor: (pipe) =>
      configuredPeer(scratch, compiler, { command_monitor: { enabled: true, pipe_path: pipe } }),
    withState: (state_directory) =>
      configuredPeer(scratch, compiler, {
        state_directory,
        // Nothing that a host may write contains the state.
        security: { allowed_read_paths: [scratch.directory], allowed_write_paths: [] },
      }),
    withBroker: async () =>
      await configuredPeer(scratch, compiler, {}, [
        "--broker=child",
        `--self=${await brokerLauncher(scratch)}`,
      ]),
    withQga: async () => ({
      ...await configuredPeer(scratch, compiler, {}, ["--dialect", "qga"]),
      speak: (caller) => new QemuGaSpeech(caller),
    }),
  };
}

/** A program that starts brokers as the packaged launcher does. */
async function brokerLauncher(scratch: Scratch): Promise<string> {
  const path = scratch.newPath();
  const directory = `--directory=${scratch.newPath()}`;
  const command = await agentCommand(["privileged", directory], { bundled: true });
  const words = shellWords([Deno.execPath(), ...command]);
  // The agent's first argument is the subcommand, which is among the words.
  await Deno.writeTextFile(path, `#!/bin/sh\nshift\nexec ${words} "$@" 2>/dev/null\n`, {
    mode: 0o755,
  });
  return path;
}

async function configuredPeer(
  scratch: Scratch,
  compiler: Compiler,
  members: Readonly<Record<string, unknown>>,
  options: readonly string[] = [],
): Promise<Peer> {
  const config = scratch.newPath();
  await Deno.writeTextFile(
    config,
    JSON.stringify({
      log_level: "error",
      log_file: null,
      state_directory: null,
      max_requests_per_second: 10_000_000,
      max_concurrent_requests: 20,
      security: {
        allowed_read_paths: [scratch.directory],
        allowed_write_paths: [scratch.directory],
      },
      ...members,
    }),
  );
  return {
    name: compiler === "none" ? "kvmmanager-agent" : `kvmmanager-agent with ${compiler}`,
    boundsLines: true,
    command: async (socket) => [
      Deno.execPath(),
      withV8Flags(
        await agentCommand(["--channel", `listen:${socket}`, "--config", config, ...options], {
          bundled: true,
        }),
        v8FlagsFor(compiler),
      ),
    ],
    speak: (caller) => new AgentSpeech(caller),
  };
}

const V8_FLAGS = "--v8-flags=";

const withV8Flags = (args: readonly string[], flags: readonly string[]) =>
  args.map((arg) => arg.startsWith(V8_FLAGS) ? V8_FLAGS + flags.join(",") : arg);

/** Our agent's requests. */
export class AgentSpeech implements Speech {
  readonly ping = request("ping");
  readonly systemInfo = request("get_system_info");
  readonly networkInfo = request("get_network_info");
  readonly diskUsage = request("get_disk_usage");

  constructor(readonly caller: Caller) {}

  async exec(program: string): Promise<void> {
    const { result } = await this.caller.call(request("exec_command", { command: program }));
    checkExit(result);
  }

  async execMany(program: string, args: readonly string[], count: number): Promise<Running> {
    const ids: number[] = [];
    for (let started = 0; started < count; started++) {
      ids.push(await this.caller.begin(request("exec_command", { command: program, args })));
    }
    return {
      ended: async () => {
        const sizes: number[] = [];
        for (const id of ids) {
          const { result } = await this.caller.end(id);
          checkExit(result);
          sizes.push(stringIn(result, "stdout").length);
        }
        return sizes;
      },
    };
  }

  async readFile(path: string, sizeBytes: number): Promise<() => Uint8Array> {
    const lines: Uint8Array[] = [];
    for (let offset = 0; offset < sizeBytes; offset += PIECE_BYTES) {
      const params = { path, encoding: "base64", offset, length: PIECE_BYTES };
      lines.push(await this.caller.callUnread(request("file_read", params)));
    }
    return () => concatenate(lines.map(contentOf));
  }

  async writeWhole(path: string, content: string): Promise<void> {
    const params = { path, encoding: "base64", content };
    await this.caller.call(request("file_write", params));
  }

  async writeFile(path: string, pieces: readonly string[]): Promise<void> {
    let offset = 0;
    for (const content of pieces) {
      const params = { path, encoding: "base64", offset, content };
      const { result } = await this.caller.call(request("file_write", params));
      offset += numberIn(result, "bytes_written");
    }
  }
}

function checkExit(result: unknown): void {
  const code = numberIn(result, "exit_code");
  if (code !== 0) throw new Error(`the command ended with exit code ${code}`);
}

const contentOf = (line: Uint8Array) =>
  Uint8Array.fromBase64(stringIn(member(parseLine(line), "result"), "content"));
