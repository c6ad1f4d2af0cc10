/**
 * Ansible's plugins, run by a real ansible-playbook against real agents.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ROOT, runDeno } from "../_deno.ts";
import { TestAgent } from "../agent/_agent.ts";
import { socketAt } from "../host/_sockets.ts";
import { TempDirectory } from "../lib/_helpers.ts";
import { run } from "./_tools.ts";

/** Bundles kvmmanager-ctl, which Ansible starts many times; returns the program's path. */
async function bundleCtl(directory: TempDirectory): Promise<string> {
  const script = directory.at("ctl.js");
  const main = `${ROOT}host/ctl/main.ts`;
  const { code, stderr } = await runDeno([
    "bundle",
    "--quiet",
    `--config=${ROOT}deno.json`,
    `--output=${script}`,
    main,
  ]);
  assertEquals(code, 0, stderr);
  const program = await directory.file(
    "ctl",
    `#!/bin/sh\nexec '${Deno.execPath()}' run --quiet --no-prompt --no-config -A ${script} "$@"\n`,
  );
  await Deno.chmod(program, 0o755);
  return program;
}

/** A directory with an inventory of these agents, and ansible-playbook in it. */
class Ansible implements AsyncDisposable {
  private constructor(readonly directory: TempDirectory, readonly agents: readonly TestAgent[]) {}

  static async start(
    names: readonly string[],
    inventory: Readonly<Record<string, unknown>> = {},
  ): Promise<Ansible> {
    const directory = await TempDirectory.make();
    await directory.directory("vms");
    const agents = await Promise.all(names.map(() => TestAgent.start()));
    for (const [index, agent] of agents.entries()) {
      await Deno.symlink(agent.paths.socket, directory.at(`vms/${names[index]}.sock`));
    }
    const ctl = await bundleCtl(directory);
    await directory.file(
      "kvmmanager.yml",
      JSON.stringify({
        plugin: "kvmmanager",
        ctl: `${ctl} --channels '${directory.path}/vms/*.sock'`,
        remote_tmp: `${agents[0]?.paths.files}/.ansible`,
        ...inventory,
      }),
    );
    return new Ansible(directory, agents);
  }

  async run(program: string, ...args: string[]) {
    return await run(program, ["-i", this.directory.at("kvmmanager.yml"), ...args], {
      cwd: this.directory.path,
      env: {
        ANSIBLE_CONNECTION_PLUGINS: `${ROOT}install/ansible/connection`,
        ANSIBLE_INVENTORY_PLUGINS: `${ROOT}install/ansible/inventory`,
        ANSIBLE_INVENTORY_ENABLED: "kvmmanager",
        ANSIBLE_LOCALHOST_WARNING: "false",
        ANSIBLE_PYTHON_INTERPRETER: "/usr/bin/python3",
        ANSIBLE_NOCOLOR: "1",
        ANSIBLE_HOME: this.directory.at("home"),
        LC_ALL: "C.UTF-8",
      },
    });
  }

  /** Runs a playbook of these tasks. */
  async play(tasks: readonly unknown[], ...args: string[]) {
    const play = [{ hosts: "all", gather_facts: false, tasks }];
    const file = await this.directory.file("play.yml", JSON.stringify(play));
    return await this.run("ansible-playbook", file, ...args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.agents) await agent[Symbol.asyncDispose]();
    await this.directory[Symbol.asyncDispose]();
  }
}

Deno.test("a playbook copies, runs and renders in a guest, and finds nothing to do the second time", async () => {
  await using ansible = await Ansible.start(["web1"]);
  const files = ansible.agents[0]?.paths.files;
  await ansible.directory.file("motd.j2", "{{ greeting }} from {{ inventory_hostname }}\n");
  const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251);
  await Deno.writeFile(ansible.directory.at("data.bin"), bytes);
  const copies = [
    { copy: { src: "data.bin", dest: `${files}/data.bin`, mode: "0640" } },
    { template: { src: "motd.j2", dest: `${files}/motd` }, vars: { greeting: "Grüße" } },
  ];
  const first = await ansible.play([
    ...copies,
    { command: { cmd: `cat ${files}/motd` }, register: "read", changed_when: false },
    { assert: { that: ["read.stdout == 'Grüße from web1'"] } },
    { fetch: { src: `${files}/data.bin`, dest: ansible.directory.at("back.bin"), flat: true } },
  ]);
  assertMatch(first.stdout, /web1 +: ok=5 +changed=3 +unreachable=0 +failed=0/, first.stdout);
  assertEquals(await Deno.readFile(`${files}/data.bin`), bytes);
  assertEquals(((await Deno.stat(`${files}/data.bin`)).mode ?? 0) & 0o777, 0o640);
  assertEquals(await Deno.readFile(ansible.directory.at("back.bin")), bytes);
  const second = await ansible.play(copies);
  assertMatch(second.stdout, /web1 +: ok=2 +changed=0 +unreachable=0 +failed=0/, second.stdout);
});

Deno.test("without pipelining, modules are copied to the guest and run there", async () => {
  await using ansible = await Ansible.start(["web1"]);
  const upper = { command: { cmd: "tr a-z A-Z", stdin: "input" }, register: "piped" };
  const { stdout } = await ansible.play(
    [upper, { assert: { that: ["piped.stdout == 'INPUT'"] } }],
    "-e",
    "ansible_kvmmanager_pipelining=false",
  );
  assertMatch(stdout, /web1 +: ok=2 +changed=1 +unreachable=0 +failed=0/, stdout);
});

Deno.test("a program's failure, a refusal and a lost guest are told apart", async () => {
  await using ansible = await Ansible.start(["web1"], { only_ready: false });
  // As a VM that was killed leaves it.
  await socketAt(ansible.directory.at("vms/web2.sock"));
  const lost = await ansible.play([{ raw: "echo to-stderr >&2; exit 125" }]);
  assertEquals(lost.code, 4);
  assertMatch(lost.stdout, /web1 +: .*unreachable=0 +failed=1/);
  assertStringIncludes(lost.stdout, "to-stderr");
  assertMatch(lost.stdout, /web2 +: .*unreachable=1 +failed=0/);
  assertStringIncludes(lost.stdout, "no process serves this socket");

  const outside = ["-e", "ansible_remote_tmp=/var/tmp/.kvmmanager-test"];
  const copy = { copy: { content: "x", dest: "/var/tmp/kvmmanager-test" } };
  const refused = await ansible.play([copy], "-l", "web1", ...outside);
  assertMatch(refused.stdout, /web1 +: .*unreachable=0 +failed=1/);
  assertStringIncludes(refused.stdout, "the agent refused");
});

Deno.test("the inventory has the VMs with what they tell of themselves, in groups", async () => {
  await using ansible = await Ansible.start(["web1", "web2"], {
    keyed_groups: [{ prefix: "os", key: "kvmmanager_system.os_type" }],
    groups: { small: "kvmmanager_system.cpu_count < 1000" },
  });
  const { code, stdout, stderr } = await ansible.run("ansible-inventory", "--list");
  assertEquals(code, 0, stderr);
  const listed = JSON.parse(stdout);
  for (const group of ["kvmmanager", "os_linux", "small"]) {
    assertEquals(listed[group].hosts.toSorted(), ["web1", "web2"], group);
  }
  const variables = listed._meta.hostvars.web1;
  assertEquals([variables.ansible_connection, variables.kvmmanager_state], ["kvmmanager", "ready"]);
  assert(variables.kvmmanager_system.hostname.length > 0);
});
