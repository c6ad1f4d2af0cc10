import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { EXIT } from "../../commands/exit.ts";
import { HELP, type Invocation, readInvocation } from "../../commands/usage.ts";
import { UsageError } from "../../lib/base/command_line.ts";

const NOTHING: Invocation = {
  command: "serve",
  channel: undefined,
  dialect: "jsonrpc",
  qga: { conf: undefined, lists: { blocked: [], allowed: [] } },
  config: undefined,
  logLevel: undefined,
  power: "none",
  runtimeDirectory: undefined,
  broker: { kind: "none" },
  separateCommands: false,
  notifySocket: undefined,
  json: false,
  granted: undefined,
  self: undefined,
};

const RIGHT: readonly (readonly [string, Partial<Invocation>])[] = [
  ["", {}],
  ["serve", {}],
  ["check", { command: "check" }],
  ["--notify-socket /run/n", { notifySocket: "/run/n" }],
  ["--runtime-directory /run/a", { runtimeDirectory: "/run/a" }],
  ["--channel stdio", { channel: { kind: "stdio" } }],
  ["--channel=stdio serve", { channel: { kind: "stdio" } }],
  ["serve --channel listen:/run/x.sock", { channel: { kind: "listen", path: "/run/x.sock" } }],
  ["--channel listen:x.sock", { channel: { kind: "listen", path: "x.sock" } }],
  ["--channel listen:a:b", { channel: { kind: "listen", path: "a:b" } }],
  ["--channel device:/dev/x", { channel: { kind: "device", path: "/dev/x" } }],
  ["--channel device:listen:x", { channel: { kind: "device", path: "listen:x" } }],
  ["--self=/usr/bin/x", { self: "/usr/bin/x" }],
  ["check --config /etc/a.json", { command: "check", config: "/etc/a.json" }],
  ["--config=a=b", { config: "a=b" }],
  ["--dialect qga", { dialect: "qga" }],
  ["--dialect qga -b a,b --block-rpcs=c -a d --allow-rpcs e --qemu-ga-conf f", {
    dialect: "qga",
    qga: {
      conf: "f",
      lists: {
        blocked: [
          { commands: ["a", "b"], source: "--block-rpcs" },
          { commands: ["c"], source: "--block-rpcs" },
        ],
        allowed: [
          { commands: ["d"], source: "--allow-rpcs" },
          { commands: ["e"], source: "--allow-rpcs" },
        ],
      },
    },
  }],
  ["--config 0", { config: "0" }],
  ["--log-level debug", { logLevel: "debug" }],
  ["--granted {}", { granted: "{}" }],
  ["--help", { command: "help" }],
  ["-h", { command: "help" }],
  ["check --help", { command: "help" }],
  ["--version", { command: "version" }],
  ["-- check", { command: "check" }],
  ["command agent.Ping", { command: "command", sending: { name: "agent.Ping", json: undefined } }],
  ["command x - --config=c", {
    command: "command",
    config: "c",
    sending: { name: "x", json: "-" },
  }],
  ['command --config c 007 {"a":1}', {
    command: "command",
    config: "c",
    sending: { name: "007", json: '{"a":1}' },
  }],
  ["command --help", { command: "help" }],
];

for (const [line, expected] of RIGHT) {
  Deno.test(`"${line}" is understood`, () => {
    const args = line === "" ? [] : line.split(" ");
    assertEquals(readInvocation(args), { ...NOTHING, ...expected });
  });
}

for (
  const [args, message] of [
    [["run"], 'unknown command "run"'],
    [["42"], 'unknown command "42"'],
    [["Serve"], 'unknown command "Serve"'],
    [[""], 'unknown command ""'],
    [["serve", "check"], 'unexpected argument "check"'],
    [["check", "config.json"], 'unexpected argument "config.json"'],
    [["command"], "command needs a NAME"],
    [["command", "agent.Ping", "{}", "{}"], 'unexpected argument "{}"'],
    [["--verbose"], "unknown option --verbose"],
    [["-v"], "unknown option -v"],
    [["-hx"], "unknown option"],
    [["--no-help"], "unknown option --no-help"],
    [["--no-channel"], "unknown option --no-channel"],
    [["--chanel", "stdio"], "unknown option --chanel"],
    [["--channel"], "--channel needs a value"],
    [["--channel="], "--channel needs a value"],
    [["--channel", ""], ""],
    [["--channel", "tcp:1"], "--channel must be stdio, listen:PATH or device:PATH"],
    [["--channel", "listen:"], "--channel must be stdio, listen:PATH or device:PATH"],
    [["--channel", "device:"], "--channel must be stdio, listen:PATH or device:PATH"],
    [["--channel", "listen"], "--channel must be stdio, listen:PATH or device:PATH"],
    [["--channel", "STDIO"], "--channel must be stdio, listen:PATH or device:PATH"],
    [["--channel", "stdio", "--channel", "stdio"], "--channel was given more than once"],
    [["--config"], "--config needs a value"],
    [["--config", "--log-level", "info"], "--config needs a value"],
    [["--config", "a", "--config=b"], "--config was given more than once"],
    [["--runtime-directory", "/run/a,b"], "--runtime-directory must not contain a comma"],
    [["-b", "guest-exec"], "--block-rpcs needs --dialect qga"],
    [["--dialect", "qga", "--block-rpcs"], "--block-rpcs needs a value"],
    [["--dialect", "qga", "-a"], "--allow-rpcs needs a value"],
    [["--log-level", "loud"], "--log-level must be one of error, warn, info, debug, trace"],
    [["--log-level", "INFO"], "--log-level must be one of"],
    [["--log-level"], "--log-level needs a value"],
    [["--config.path", "x"], "unknown option"],
    [["--__proto__", "x"], "unknown option"],
  ] as const
) {
  Deno.test(`"${args.join(" ")}" is refused in one line`, () => {
    const error = assertThrows(() => readInvocation(args), UsageError, message);
    assertEquals(error.message.includes("\n"), false);
  });
}

Deno.test("the help names every command, option and exit status", () => {
  for (
    const word of [
      ...[
        "serve",
        "check",
        "command NAME [JSON]",
        "--channel",
        "stdio",
        "listen:PATH",
        "--config",
        "--log-level",
      ],
      ...["--help", "--version", "SIGTERM", "SIGHUP"],
      ...Object.values(EXIT).map(String),
    ]
  ) {
    assertStringIncludes(HELP, word);
  }
});
