/**
 * The chapters on the wire format, concurrency, errors and paths. The sentences are written here; every
 * number and name in them comes from the code.
 *
 * @module
 */

import { defaultConfig } from "../../lib/config/schema.ts";
import { ERRORS, RpcError } from "../../lib/base/errors.ts";
import { SLOT_LIMITS } from "../../lib/base/slots.ts";
import { MAX_BATCH_MEMBERS } from "../../lib/dialects/jsonrpc/batch.ts";
import { errorText, notificationText } from "../../lib/dialects/jsonrpc/messages.ts";
import type { Method } from "../../lib/core/method.ts";
import { DEFAULT_GROUPS, GROUPS } from "../../lib/policy/groups.ts";
import { VERSION } from "../../lib/base/version.ts";
import { blocks, code, fenced, table } from "./markdown.ts";

const {
  max_message_size_kb,
  max_concurrent_requests,
  max_requests_per_second,
  request_timeout_seconds,
  channel_name,
} = defaultConfig();
const { parseError, invalidRequest, invalidParams, commandFailed, tooManyRequests, timeout } =
  ERRORS;

/** The chapter on lines and messages. */
export function wireChapter(): string {
  return blocks(
    "## On the wire",
    `The channel is a virtio-serial port named ${code(channel_name)}. On the host it is a unix ` +
      "socket, where QEMU serves one client at a time. Messages are JSON in UTF-8, one per line, " +
      "terminated by `\\n` (`\\r\\n` is accepted, empty lines are skipped). No input closes the " +
      "channel or ends the agent.",
    table(["Input", "Answer"], [
      [
        `a line over \`max_message_size_kb\` (${max_message_size_kb} KiB)`,
        `${invalidRequest.code}, \`id\` null, \`data.limit_bytes\`; the rest of the line is discarded`,
      ],
      ["not UTF-8, or not JSON", `${parseError.code}, \`id\` null`],
      [
        "JSON that is not a request, or has members a request must not have",
        `${invalidRequest.code}, with the \`id\` if there is one`,
      ],
      ["`params` that is an array", `${invalidParams.code}; parameters are passed by name`],
      [
        "a parameter that is unknown, missing or invalid",
        `${invalidParams.code}; \`data.reason\` explains each problem, \`data.params\` lists the names`,
      ],
      [
        "an `id` that another request of the same host in flight uses",
        `${invalidRequest.code}; not checked for methods that never wait, such as \`ping\``,
      ],
      [
        "a request whose answer would exceed the message limit",
        `${commandFailed.code}, \`data.size_bytes\` and \`data.limit_bytes\``,
      ],
    ]),
    "This is JSON-RPC 2.0. An `id` is a string, a number (of any size, returned digit for digit) or " +
      "null. A request without `id` is a notification: it is carried out and never answered. The " +
      "requests of a batch (an array) run concurrently and are answered with one array, in order " +
      `of completion. It has 1 to ${MAX_BATCH_MEMBERS} members; any other number is ` +
      `${invalidRequest.code}. The message limit applies to the ` +
      "whole array: answers that do not fit are replaced by errors with their ids.",
    "The agent announces itself when it starts and whenever it notices that another host has " +
      "connected, unless `announce` is false. On a virtio port it can miss a quick reconnection, so " +
      "do not wait for this notification; call `ping` instead.",
    "Replies owed to a host that has disconnected are dropped. The port may report the departure " +
      "only after the next host's first bytes, so begin each connection with an empty line, and " +
      "use ids that no other connection has used, such as UUIDs. The empty line ends a half line " +
      "that another host may have left, and tells the agent that what follows comes from a host " +
      "that is there.",
    fenced("json", notificationText("agent_ready", { version: VERSION, platform: "linux" })),
    "If the command monitor is on, programs in the guest can send events to the host " +
      "([command-monitor.md](command-monitor.md)). `event` and `data` come from that program, so " +
      "trust them no more than the guest:",
    fenced(
      "json",
      notificationText("event", {
        event: "backup.done",
        data: { files: 3 },
        source: {},
        timestamp: 1702123456,
      }),
    ),
    "Begin each connection with a `\\n`. It terminates a line that an earlier host may have left " +
      "unfinished.",
  );
}

/** The chapter on concurrency, limits and timeouts. */
export function loadChapter(methods: readonly Method[]): string {
  const immediate = methods.filter((method) => method.immediate).map(({ name }) => code(name));
  const own = methods.filter((method) => method.ownTimeout).map(({ name }) => code(name));
  return blocks(
    "## Concurrency and timeouts",
    "Requests run concurrently and are answered as they finish, in any order: match answers by " +
      `\`id\`. Up to \`max_concurrent_requests\` (${max_concurrent_requests}) run, with ` +
      `${
        SLOT_LIMITS.runningBytes / 1024
      } KiB of requests in all unless a single one is larger, and ` +
      `${SLOT_LIMITS.calls} more wait, with ${SLOT_LIMITS.bytes / 1024} KiB; further ones get ` +
      `${tooManyRequests.code}. ${immediate.join(", ")} never wait. ` +
      `At most \`max_requests_per_second\` (${max_requests_per_second}) are accepted, and as many ` +
      `in one burst after a pause; further ones get ${tooManyRequests.code} with ` +
      "`data.retry_after_ms`.",
    `A request that takes longer than \`request_timeout_seconds\` (${request_timeout_seconds}), ` +
      `including the time it waits, is stopped and answered with ${timeout.code}. ` +
      `${own.join(", ")} has its own time limit from the moment it starts; until then ` +
      `\`request_timeout_seconds\` applies. \`rpc.cancel\` stops a request by its \`id\`; ` +
      `that request is answered with ${commandFailed.code}. When the agent is told to stop, it reads ` +
      "no further requests, gives those in flight 5 seconds and cancels the rest. A request that it " +
      `had read already, but not started, is answered with ${commandFailed.code} and \`data.stopping\`.`,
  );
}

/** The chapter on reports that are kept. */
export function reportChapter(): string {
  return blocks(
    "## Reports about the guest",
    "`get_system_info`, `get_network_info` and `get_disk_usage` may return a report that is up to " +
      "one second old, whoever asked for it first. What a host has changed through the agent, it " +
      "sees with its next request:",
    [
      "- A call of any group but `see` and `file-read` drops the kept reports when it begins, and " +
      "none is kept until it has ended. So does an action that follows an answer, such as that of " +
      "`shutdown`.",
      "- No report is kept while a program runs that the agent has started for a host: a command " +
      "or a job.",
      "- An event drops them too: a host that asks because of `network.address_added` gets a " +
      "report from after it.",
    ].join("\n"),
    "What else changes in the guest is in the answers a second later at most. On Windows no report " +
      "is kept.",
  );
}

/** The table of errors. */
export function errorChapter(): string {
  const example = new RpcError("permissionDenied", "/etc/shadow is outside allowed_read_paths", {
    path: "/etc/shadow",
  });
  return blocks(
    "## Errors",
    table(
      ["Code", "Message", "Meaning"],
      Object.values(ERRORS).map(({ code, message, meaning }) => [`${code}`, message, meaning]),
    ),
    "`message` is the text of the table. `data.reason` explains what happened in a sentence for " +
      "people, whose wording may change; the other members of `data` are for programs.",
    fenced("json", errorText(1, example)),
  );
}

/** The chapter on groups of methods. */
export function groupChapter(): string {
  const off = GROUPS.filter((group) => !DEFAULT_GROUPS.includes(group)).map(code).join(", ");
  return blocks(
    "## Groups",
    "Each method is in one group, and `security.allow` lists the groups that are on. A method whose " +
      `group is off is refused with ${ERRORS.permissionDenied.code}; the reason names the group and ` +
      "the configuration file. `get_agent_info` lists the groups that are on, and `rpc.discover` the " +
      "group of each method (`x-group`). Methods that are always on have none.",
    `Off by default: ${off}. They give the host rights inside the guest that it does not have anyway ` +
      "by owning the machine.",
  );
}

/** The chapter on the rules for paths. */
export function pathChapter(): string {
  return blocks(
    "## Paths",
    "A path must be absolute, contain no NUL and be at most 4096 bytes long; otherwise the answer is " +
      `${ERRORS.invalidParams.code}. \`.\`, \`..\` and \`//\` are resolved as text. The result is ` +
      "compared with the allowed paths by whole components: `/tmp` allows `/tmp/a`, not " +
      "`/tmpfile`. Symbolic links are never followed, including those created while the request " +
      "runs. A path that is outside the allowed ones or leads through a link is " +
      `${ERRORS.permissionDenied.code}. FIFOs, devices, sockets and directories are refused ` +
      `immediately with ${ERRORS.commandFailed.code}.`,
  );
}
