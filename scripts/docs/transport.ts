/**
 * The chapters on the wire: lines, messages, load, errors, paths. Written by hand, with every
 * number and name from the code.
 *
 * @module
 */

import { DEFAULT_CONFIG } from "../../lib/config/schema.ts";
import { ERRORS, RpcError } from "../../lib/base/errors.ts";
import { QUEUE_LIMITS } from "../../lib/core/admission.ts";
import { errorText, notificationText } from "../../lib/dialects/jsonrpc/messages.ts";
import type { Method } from "../../lib/core/method.ts";
import { VERSION } from "../../lib/base/version.ts";
import { blocks, code, fenced, table } from "./markdown.ts";

const {
  max_message_size_kb,
  max_concurrent_requests,
  max_requests_per_second,
  request_timeout_seconds,
  channel_name,
} = DEFAULT_CONFIG;
const { parseError, invalidRequest, invalidParams, commandFailed, tooManyRequests, timeout } =
  ERRORS;

/** How lines and messages look. */
export function wireChapter(): string {
  return blocks(
    "## On the wire",
    `The channel is a virtio-serial port named ${code(channel_name)}; on the host it is a unix ` +
      "socket, which QEMU gives to one host at a time. It carries lines: UTF-8 JSON, one message " +
      "a line, ended by `\\n` (`\\r\\n` is accepted, empty lines are skipped). Nothing that " +
      "arrives ever closes the channel or ends the agent.",
    table(["What arrives", "What is answered"], [
      [
        `a line over \`max_message_size_kb\` (${max_message_size_kb} KiB)`,
        `${invalidRequest.code}, \`id\` null, \`data.limit_bytes\`; the rest of the line is thrown away`,
      ],
      ["not UTF-8, or not JSON", `${parseError.code}, \`id\` null`],
      [
        "JSON that is no request; a member that a request does not have",
        `${invalidRequest.code}, with the \`id\` where there is one`,
      ],
      ["`params` that is an array", `${invalidParams.code}; parameters have names`],
      [
        "a parameter that is unknown, missing or wrong",
        `${invalidParams.code}; all of them at once in \`data.reason\`, their names in \`data.params\``,
      ],
      ["an `id` that a request in flight has", `${invalidRequest.code}`],
      [
        "a request whose answer would be over the limit",
        `${commandFailed.code}, \`data.size_bytes\` and \`data.limit_bytes\``,
      ],
    ]),
    "This is JSON-RPC 2.0. An `id` is a string, a number (of any size, returned as it came) or " +
      "null. A request without `id` is a notification: it is carried out and never answered. A " +
      "batch, an array of requests, is carried out at once and answered with an array in the " +
      `order of completion; an empty one is ${invalidRequest.code}. The array has the same limit ` +
      "as any message: answers it has no room for are replaced by errors with their ids.",
    "Each time a host connects the agent sends a notification, unless `announce` is false:",
    fenced("json", notificationText("agent_ready", { version: VERSION, platform: "linux" })),
    "Where the guest's configuration has a command monitor, programs of the guest may tell the host " +
      "something ([command-monitor.md](command-monitor.md)). `event` and `data` are what that " +
      "program says, to be trusted as much as the guest is:",
    fenced(
      "json",
      notificationText("event", {
        event: "backup.done",
        data: { files: 3 },
        source: {},
        timestamp: 1702123456,
      }),
    ),
    "After a host that was cut off in the middle of a line, begin with a `\\n`: it ends what is " +
      "left of that line.",
  );
}

/** What happens when there is much to do. */
export function loadChapter(methods: readonly Method[]): string {
  const immediate = methods.filter((method) => method.immediate).map(({ name }) => code(name));
  const own = methods.filter((method) => method.ownTimeout).map(({ name }) => code(name));
  return blocks(
    "## Many requests, and long ones",
    "Requests run concurrently and are answered as they finish, in any order: match answers by " +
      `\`id\`. \`max_concurrent_requests\` (${max_concurrent_requests}) run, up to ${QUEUE_LIMITS.calls} ` +
      `wait, more get ${tooManyRequests.code}. ${immediate.join(", ")} never wait. ` +
      `\`max_requests_per_second\` (${max_requests_per_second}) are let in, as many at once after ` +
      `a pause; more get ${tooManyRequests.code} with \`data.retry_after_ms\`.`,
    `A request has \`request_timeout_seconds\` (${request_timeout_seconds}), then it is answered ` +
      `with ${timeout.code} and its work is stopped. ${own.join(", ")} has a limit of its own. ` +
      "`rpc.cancel` stops a request by its `id`, which is then answered with " +
      `${commandFailed.code}. When the agent is told to stop it reads no more, ` +
      "gives what is in flight 5 seconds and then cancels it.",
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
    "`message` is the table's text. What happened is in `data.reason`, a sentence for a person " +
      "that may change; the other members of `data` are for programs.",
    fenced("json", errorText(1, example)),
  );
}

/** The rules of every path and program. */
export function pathChapter(): string {
  return blocks(
    "## Paths",
    `A path is absolute, without NUL and at most 4096 bytes long, else ${ERRORS.invalidParams.code}. ` +
      "`.`, `..` and `//` are resolved by the text alone, then the path is compared with the " +
      "allowed ones by whole components: `/tmp` allows `/tmp/a`, not `/tmpfile`. A symbolic link " +
      "below an allowed path is never followed, also not one that is put there while the request " +
      `runs; outside the allowed paths or through a link it is ${ERRORS.permissionDenied.code}. ` +
      "FIFOs, devices, sockets and directories are " +
      `${ERRORS.commandFailed.code}, at once.`,
  );
}
