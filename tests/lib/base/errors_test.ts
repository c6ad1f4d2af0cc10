import { assert, assertEquals, assertRejects } from "@std/assert";
import * as errors from "../../../lib/base/errors.ts";
import { ERRORS, RpcError, toRpcError } from "../../../lib/base/errors.ts";
import { TempDirectory } from "../_helpers.ts";

// The protocol's table, "Standard Error Codes", and the one code that was added.
for (
  const [constructor, code, message] of [
    [errors.parseError, -32700, "Parse error"],
    [errors.invalidRequest, -32600, "Invalid Request"],
    [errors.methodNotFound, -32601, "Method not found"],
    [errors.invalidParams, -32602, "Invalid params"],
    [errors.internalError, -32603, "Internal error"],
    [errors.commandFailed, -32000, "Command failed"],
    [errors.permissionDenied, -32001, "Permission denied"],
    [errors.notFound, -32002, "Not found"],
    [errors.timedOut, -32003, "Timeout"],
    [errors.tooManyRequests, -32004, "Too many requests"],
  ] as const
) {
  Deno.test(`"${message}" is ${code}, with the reason and the details in data`, () => {
    const error = constructor("why", { path: "/tmp/x" });
    assertEquals(error.toWire(), { code, message, data: { reason: "why", path: "/tmp/x" } });
    assertEquals(error.code, code);
    assertEquals(error.message, "why");
    assertEquals(constructor("why").toWire().data, { reason: "why" });
  });
}

Deno.test("each code stands in the error table once", () => {
  const codes = Object.values(ERRORS).map(({ code }) => code);
  assertEquals(new Set(codes).size, codes.length);
  assertEquals(codes.length, 10);
});

Deno.test("toRpcError() leaves an RpcError as it is", () => {
  const error = errors.timedOut("late", { timeout_seconds: 1 });
  assertEquals(toRpcError(error, { path: "/x" }) === error, true);
});

for (
  const [what, code, provoke] of [
    ["a missing file", -32002, (at) => Deno.open(at("missing"))],
    ["a missing directory", -32002, (at) => Deno.writeTextFile(at("missing/file"), "")],
    ["a directory that is a file", -32000, (at) => Deno.lstat(at("file/below"))],
    ["a name that is too long", -32000, (at) => Deno.lstat(at("x".repeat(300)))],
    ["reading a directory", -32000, (at) => Deno.readFile(at("."))],
    ["removing a full directory", -32000, (at) => Deno.remove(at("full"))],
    ["a loop of links", -32000, (at) => Deno.stat(at("loop"))],
    ["a program that is missing", -32002, (at) => new Deno.Command(at("missing")).output()],
    ["a program that is not executable", -32001, (at) => new Deno.Command(at("file")).output()],
    [
      "arguments that are too long",
      -32000,
      () => new Deno.Command("true", { args: ["x".repeat(3_000_000)] }).output(),
    ],
  ] as const satisfies readonly (readonly [
    string,
    number,
    (at: (name: string) => string) => Promise<unknown>,
  ])[]
) {
  Deno.test(`toRpcError() turns ${what} into ${code}`, async () => {
    await using directory = await TempDirectory.make();
    await directory.file("file", "");
    await directory.directory("full/of/it");
    await Deno.symlink("loop", directory.at("loop"));
    const thrown = await assertRejects(async () => {
      using _file = await provoke((name) => directory.at(name)).then((result) =>
        result instanceof Deno.FsFile ? result : undefined
      );
    });
    const error = toRpcError(thrown, { path: "/asked/for" });
    assert(error !== undefined, String(thrown));
    assertEquals(error.code, code);
    assertEquals(error.data.path, "/asked/for");
    assertEquals(error.data.reason.includes("\n"), false);
    assert(error.data.reason.length > 0);
  });
}

Deno.test("toRpcError() turns Deno's refusal into -32001, without its advice", () => {
  const message = 'Requires read access to "/etc/shadow", run again with the --allow-read flag\n' +
    "  or with --allow-all";
  const error = toRpcError(new Deno.errors.NotCapable(message));
  assertEquals(error?.code, -32001);
  assertEquals(error?.data.reason, 'the agent is confined: Requires read access to "/etc/shadow"');
});

Deno.test("toRpcError() turns the kernel's timeout into -32003", () => {
  assertEquals(toRpcError(new Deno.errors.TimedOut("Connection timed out"))?.code, -32003);
});

Deno.test("toRpcError() keeps only the first line of a native message", () => {
  const error = toRpcError(new Error("No space left on device (os error 28)\nat /internal/path"));
  assertEquals(error?.data, { reason: "No space left on device (os error 28)" });
});

Deno.test("toRpcError() returns undefined for bugs of the agent", () => {
  for (
    const fault of [
      new Error("broken"),
      new TypeError("x is not a function"),
      new RangeError("Maximum call stack size exceeded"),
      new DOMException("aborted", "AbortError"),
      "a string",
      undefined,
      null,
      { code: -32001 },
    ]
  ) {
    assertEquals(toRpcError(fault), undefined);
  }
});

Deno.test("an RpcError is an Error with a stack", () => {
  const error = errors.notFound("gone");
  assert(error instanceof RpcError && error instanceof Error);
  assertEquals(error.name, "RpcError");
  assert(error.stack?.includes("gone"));
});
