/**
 * The host's library: calls to the agents of this host's guests, file transfers, and a pool that
 * watches all of them.
 *
 * ```ts
 * import { AgentClient, findChannels, LIBVIRT_DIRECTORIES, pull, push } from "./host/mod.ts";
 *
 * const { channels } = await findChannels(LIBVIRT_DIRECTORIES);
 * const vm1 = channels.find(({ name }) => name === "vm1");
 * if (vm1 === undefined) throw new Error("vm1 has no agent channel");
 *
 * await using agent = await AgentClient.connect(vm1.path);
 *
 * const { hostname, uptime_seconds } = await agent.call("get_system_info");
 * console.log(`${hostname} has been up for ${uptime_seconds} s`);
 *
 * const { stdout } = await agent.call("exec_command", { command: "uname", args: ["-r"] });
 * console.log(`its kernel is ${stdout.trim()}`);
 *
 * await push(agent, "site.conf", "/tmp/kvmmanager/site.conf", { createDirs: true });
 * await pull(agent, "/tmp/kvmmanager/site.conf", "copy-of-site.conf");
 * ```
 *
 * QEMU serves one client of a channel at a time: close a client when it is done, as `await using`
 * does, and give `lockAs` to learn who else is connected instead of waiting.
 *
 * What this module exports follows semantic versioning, and nothing else does: within a major
 * version, exports and members are only added, and what an agent of that version answers is
 * understood. Import no other file of `host/`. {@link ParamsOf} and {@link ResultOf} are as
 * docs/protocol.md describes each method; newer agents may add members to results.
 *
 * Needs `--allow-read`, `--allow-write` and `--allow-net=unix:SOCKET` for the sockets, and
 * `--allow-sys=umask` for `pull`.
 *
 * @module
 */

export {
  type AgentChannel,
  CHANNEL_NAME,
  channelsNamed,
  findChannels,
  type FoundChannels,
  LIBVIRT_DIRECTORIES,
  type SearchPath,
  type SearchProblem,
} from "./channels.ts";
export {
  AgentClient,
  type AgentConnection,
  type CallArguments,
  type CallOptions,
  type ClientOptions,
} from "./client.ts";
export { type ClockOffset, measureClockOffset } from "./clock_offset.ts";
export { AnswerError, CallError, type CallErrorReason } from "./errors.ts";
export {
  type EventSelection,
  followEvents,
  followLog,
  type FollowOptions,
  type LogSelection,
} from "./follow.ts";
export type { Notification } from "./incoming.ts";
export type { AgentState, PoolAgent, PoolEvent, PoolTimes } from "./member.ts";
export { AgentPool, type PoolOptions } from "./pool.ts";
export {
  type JobEnd,
  type JobInputWriter,
  type JobOutput,
  type OutputOptions,
  RemoteJob,
} from "./jobs/job.ts";
export { AgentLink, type LinkOptions } from "./jobs/link.ts";
export type { MethodName, ParamsOf, ResultOf } from "./protocol.ts";
export { pull } from "./transfer/pull.ts";
export { pullStream } from "./transfer/pull_stream.ts";
export { push, type PushOptions } from "./transfer/push.ts";
export { pushStream } from "./transfer/push_stream.ts";
export { TransferError, type TransferOptions, type TransferResult } from "./transfer/transfer.ts";
