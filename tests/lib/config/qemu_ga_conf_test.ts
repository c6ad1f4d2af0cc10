import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ConfigError } from "../../../lib/config/load.ts";
import { loadQemuGaConf, parseQemuGaConf } from "../../../lib/config/qemu_ga_conf.ts";

const parse = (text: string) => parseQemuGaConf(text, "F");

Deno.test("the lists of a file are read as qemu-ga reads them", () => {
  const text = `# a comment
  # an indented one

[general]
daemon = 1
verbose=0
method = virtio-serial
block-rpcs = guest-exec,guest-file-open, guest-shutdown
allow-rpcs=guest-ping, guest-info
`;
  assertEquals(parse(text), {
    lists: {
      // A space must not keep a command on that somebody wanted off.
      blocked: [{
        commands: ["guest-exec", "guest-file-open", "guest-shutdown"],
        source: "block-rpcs in F",
      }],
      // In this list it must not turn one on that qemu-ga keeps off.
      allowed: [{ commands: ["guest-ping", " guest-info"], source: "allow-rpcs in F" }],
    },
    ignored: [],
  });
});

const LISTS: readonly (readonly [string, readonly string[]])[] = [
  ["", []],
  ["[general]\n", []],
  ["[general]\nblock-rpcs=guest-exec", ["guest-exec"]],
  ["[general]\r\nblock-rpcs=guest-exec\r\n", ["guest-exec"]],
  ["[general]\nblacklist=guest-exec\n", ["guest-exec"]],
  ["[general]\nblacklist=a\nblock-rpcs=b\n", ["b", "a"]],
  // The last one counts.
  ["[general]\nblock-rpcs=a\nblock-rpcs=b\n", ["b"]],
  ["[general]\nblock-rpcs=a\n[other]\nblock-rpcs=b\n[general]\nverbose=1\n", ["a"]],
  ["[general]\nblock-rpcs=\n", []],
  ["[general]\nblock-rpcs=a,,b,\n", ["a", "b"]],
  ["[general]\nblock-rpcs=guest\\s-exec\n", ["guest -exec"]],
  ["[general]\nblock-rpcs=a # b\n", ["a # b"]],
];

for (const [text, commands] of LISTS) {
  Deno.test(`${JSON.stringify(text)} blocks ${JSON.stringify(commands)}`, () => {
    assertEquals(parse(text).lists.blocked.flatMap((list) => list.commands), commands);
  });
}

const MALFORMED: readonly (readonly [string, string])[] = [
  ["block-rpcs=a", 'line 1: "block-rpcs=a" comes before the first group; write [general] above it'],
  [
    "[general]\nblock-rpcs guest-exec",
    'line 2: "block-rpcs guest-exec" is neither a [group], nor a KEY=VALUE, nor a # comment',
  ],
  ["[general\n", 'line 1: "[general" is neither a [group], nor a KEY=VALUE, nor a # comment'],
  ["[general]\n=a", 'line 2: "=a" is neither a [group], nor a KEY=VALUE, nor a # comment'],
  [
    "[general]\nblock-rpcs=a\\x",
    'block-rpcs has an escape sequence that is not one: "a\\\\x"',
  ],
];

for (const [text, problem] of MALFORMED) {
  Deno.test(`${JSON.stringify(text)} is refused`, () => {
    assertEquals(assertThrows(() => parse(text), ConfigError).problems, [problem]);
  });
}

Deno.test("keys that could have restricted something are told, those about qemu-ga itself are not", () => {
  const text = "[general]\nblock-rpc=a\nfsfreeze-hook=/x\nblock-rpcs[de]=b\npidfile=/p\n[x]\ny=1\n";
  assertEquals(parse(text).ignored, ["[x] y", "block-rpc", "block-rpcs[de]", "fsfreeze-hook"]);
});

Deno.test("a missing file has no lists, and one that cannot be read is an error", async () => {
  const directory = await Deno.makeTempDir();
  try {
    assertEquals(await loadQemuGaConf(`${directory}/missing`), {
      lists: { blocked: [], allowed: [] },
      ignored: [],
    });
    await assertRejects(() => loadQemuGaConf(directory), ConfigError, "cannot be read");
    await Deno.writeFile(`${directory}/f`, Uint8Array.of(0xff));
    await assertRejects(() => loadQemuGaConf(`${directory}/f`), ConfigError, "not UTF-8");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
