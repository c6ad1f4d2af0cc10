import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  checkEnvironment,
  findProgram,
  HARMLESS_VARIABLES,
  type InstalledPrograms,
} from "../../../lib/policy/commands.ts";
import { rpcErrorOf } from "../_helpers.ts";

const INSTALLED = ["/usr/local/bin/env", "/usr/bin/env", "/usr/bin/cat", "/bin/sh", "/opt/mine"];

/** A guest in which `/usr/local/bin` comes before `/usr/bin` and `/bin`. */
const programs: InstalledPrograms = {
  searchPath: ["/usr/local/bin", "/usr/bin", "/bin"],
  isExecutableFile: (path) => INSTALLED.includes(path),
};

const find = (command: string, whitelist: readonly string[] | null = null) =>
  findProgram(command, whitelist, programs);

Deno.test("findProgram() takes the first directory of the search path that has a bare name", () => {
  assertEquals(find("env"), "/usr/local/bin/env");
  assertEquals(find("cat"), "/usr/bin/cat");
  assertEquals(find("sh"), "/bin/sh");
});

Deno.test("findProgram() normalizes an absolute path and does not look whether it exists", () => {
  assertEquals(find("/usr/bin/env"), "/usr/bin/env");
  assertEquals(find("/usr/bin/../bin//./env"), "/usr/bin/env");
  assertEquals(find("/no/such/program"), "/no/such/program");
});

for (
  const [command, reason] of [
    ["", "name or absolute path"],
    [".", "name or absolute path"],
    ["..", "name or absolute path"],
    ["./env", "not a relative one"],
    ["../bin/env", "not a relative one"],
    ["bin/env", "not a relative one"],
    ["env/", "not a relative one"],
    ["env\0", "NUL"],
    ["/usr/bin/env\0", "NUL"],
    [`/${"x".repeat(5000)}`, "at most 4096 bytes"],
  ] as const
) {
  Deno.test(`findProgram() rejects the command ${JSON.stringify(command.slice(0, 20))}: -32602`, async () => {
    for (const whitelist of [null, [], ["env", command]]) {
      const error = await rpcErrorOf(() => find(command, whitelist));
      assertEquals(error.code, -32602);
      assertStringIncludes(error.data.reason, reason);
    }
  });
}

for (const name of ["mine", "env ", " env", "ENV", "*", "$(env)", "env;id"]) {
  Deno.test(`findProgram() does not find the bare name ${JSON.stringify(name)}: -32002`, async () => {
    const error = await rpcErrorOf(() => find(name));
    assertEquals([error.code, error.data.command], [-32002, name]);
    assertStringIncludes(error.data.reason, "/usr/local/bin:/usr/bin:/bin");
  });
}

Deno.test("a whitelisted name allows what it resolves to, by name and by that path", () => {
  const path = "/usr/local/bin/env";
  assertEquals(find("env", ["cat", "env"]), path);
  assertEquals(find(path, ["env"]), path);
  assertEquals(find("env", [path]), path);
  assertEquals(find(path, [path]), path);
  assertEquals(find(`/usr/../${path}`, ["env"]), path);
});

Deno.test("a whitelist refuses everything else with -32001", async () => {
  const path = "/usr/local/bin/env";
  for (
    const [command, whitelist] of [
      ["cat", ["env"]],
      ["env", []],
      [path, []],
      ["env", ["envsubst", "en", "env2"]],
      [`${path}x`, ["env"]],
      // Another path to a program of the same name is another entry.
      ["/usr/bin/env", ["env", path]],
      ["env", ["/usr/bin/env", "/bin/env"]],
      ["/opt/mine", ["mine"]],
      ["no-such-program", ["env"]],
      ["/no/such/program", ["env"]],
    ] as const
  ) {
    const error = await rpcErrorOf(() => find(command, whitelist));
    assertEquals(error.code, -32001, `${command} with ${whitelist.join(", ")}`);
    assertEquals(error.data.command, command);
    assertStringIncludes(error.data.reason, "is not in command_whitelist");
  }
});

for (
  const [command, refused] of [
    ["env", "env (found as /usr/local/bin/env)"],
    ["/usr/bin/env", "/usr/bin/env"],
    ["/usr/bin/../bin/env", "/usr/bin/../bin/env (found as /usr/bin/env)"],
    ["absent", "absent"],
  ] as const
) {
  Deno.test(`a refusal of ${command} tells what it was found as, if that is something else`, async () => {
    const error = await rpcErrorOf(() => find(command, ["cat"]));
    assertEquals(error.data.reason, `${refused} is not in command_whitelist`);
  });
}

Deno.test("a whitelisted name that is not installed is missing, not refused", async () => {
  assertEquals((await rpcErrorOf(() => find("absent", ["absent"]))).code, -32002);
});

const check = (
  env: Record<string, string>,
  command_environment: readonly string[] = [],
  command_whitelist: readonly string[] | null = ["echo"],
) => checkEnvironment(env, { command_whitelist, command_environment });

Deno.test("without a whitelist every variable is allowed", () => {
  check({ LD_PRELOAD: "/tmp/x.so", PATH: "/tmp", BASH_ENV: "/tmp/x", LC_ALL: "/tmp/x" }, [], null);
});

Deno.test("with a whitelist, language, time zone and appearance may be set", () => {
  const environments: Record<string, string>[] = [
    { LANG: "C" },
    { LANG: "POSIX" },
    { LANG: "" },
    { LC_ALL: "de_DE.UTF-8@euro" },
    { LC_CTYPE: "C.UTF-8", LC_TIME: "en_US.ISO-8859-1" },
    { LANGUAGE: "de:en_GB:en" },
    { LANGUAGE: "" },
    { TZ: "Europe/Berlin" },
    { TZ: "America/Argentina/Buenos_Aires" },
    { TZ: "Etc/GMT+5" },
    { TZ: "CET-1CEST,M3.5.0,M10.5.0/3" },
    { TZ: "<+0330>-3:30" },
    { TZ: "" },
    { TERM: "xterm-256color" },
    { COLUMNS: "200", LINES: "50" },
    { NO_COLOR: "1" },
  ];
  for (const env of environments) check(env);
});

for (
  const [name, value] of [
    ["LANG", "/tmp/evil"],
    ["LC_ALL", "../../../tmp/evil"],
    ["LC_ALL", ".."],
    ["LC_MESSAGES", "de_DE/../../x"],
    ["LC_CTYPE", "C\nBASH_ENV=/tmp/x"],
    ["LANGUAGE", "de:../../tmp/x"],
    ["LANGUAGE", "de:.."],
    ["TZ", ":/etc/shadow"],
    ["TZ", "/tmp/zone"],
    ["TZ", "../../../tmp/zone"],
    ["TZ", "Europe/../../x"],
    ["TERM", "../tmp/x"],
    ["TERM", "x/y"],
    ["TERM", "."],
    ["COLUMNS", "1; id"],
    ["NO_COLOR", "/tmp"],
  ] as const
) {
  Deno.test(`with a whitelist, ${name} may not be ${JSON.stringify(value)}`, async () => {
    const { code, data } = await rpcErrorOf(() => check({ [name]: value }));
    assertEquals([code, data.variable], [-32001, name]);
    assertMatch(
      data.reason,
      new RegExp(`^env\\.${name} must be .* while command_whitelist is set`),
    );
    assertStringIncludes(data.reason, `add ${name} to security.command_environment`);
    assertEquals(data.reason.includes(value) && value.length > 2, false, "values stay private");
    check({ [name]: value }, [name]);
  });
}

for (
  const name of [
    ...["BASH_ENV", "ENV", "PATH", "HOME", "IFS", "SHELLOPTS", "BASHOPTS", "PS4", "CDPATH"],
    ...["LOCPATH", "GCONV_PATH", "NLSPATH", "TZDIR", "TERMINFO", "TERMCAP", "TEXTDOMAINDIR"],
    ...["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "GLIBC_TUNABLES", "MALLOC_CONF"],
    ...["PYTHONPATH", "PERL5OPT", "RUBYOPT", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "DENO_DIR"],
    ...["PAGER", "EDITOR", "GIT_SSH", "LESSOPEN", "SYSTEMD_PAGER", "DEBIAN_FRONTEND"],
    ...["HOSTALIASES", "RESOLV_HOST_CONF", "OPENSSL_CONF", "XDG_CONFIG_HOME", "TMPDIR"],
    ...["LC_", "LC_ALLX", "lang", "lc_all", "ANYTHING", "__proto__", "constructor"],
  ]
) {
  Deno.test(`with a whitelist, ${name} may not be set unless command_environment names it`, async () => {
    const env = Object.fromEntries([[name, "C"]]);
    const { code, data } = await rpcErrorOf(() => check(env));
    assertEquals([code, data.variable], [-32001, name]);
    assertEquals(
      data.reason,
      `env.${name} is not allowed while command_whitelist is set, because variables can make a ` +
        `listed program run other code; to allow it, add ${name} to security.command_environment`,
    );
    check(env, ["OTHER", name]);
  });
}

Deno.test("one forbidden variable among harmless ones is enough to refuse", async () => {
  const error = await rpcErrorOf(() => check({ LANG: "C", BASH_ENV: "/tmp/x", TZ: "UTC" }));
  assertEquals(error.data.variable, "BASH_ENV");
});

Deno.test("an empty whitelist checks variables as well", async () => {
  assertEquals((await rpcErrorOf(() => check({ PATH: "/" }, [], []))).code, -32001);
});

Deno.test("a hostile value is checked in linear time", async () => {
  const value = `${"a-".repeat(30_000)}/`;
  for (const name of HARMLESS_VARIABLES) {
    assertEquals((await rpcErrorOf(() => check({ [name]: value }))).code, -32001);
  }
});

Deno.test("the harmless variables are a short list", () => {
  assertEquals(new Set(HARMLESS_VARIABLES).size, HARMLESS_VARIABLES.length);
  assertEquals(HARMLESS_VARIABLES.length, 20);
});
