/**
 * `deno task fleet`: a NATS server, two hosts with fifty agents each, and what can be done with them.
 *
 * @module
 */

import { nkeys } from "@nats-io/transport-node";
import { fromFileUrl } from "@std/path/posix";
import { EXIT } from "../commands/exit.ts";
import { CHANNEL_NAME } from "../host/channels.ts";
import { printError, printLine } from "../lib/base/terminal.ts";
import { Fleet } from "./bench/fleet/fleet.ts";
import { describeVms, HostdProcess } from "./fleet/hostd.ts";
import { startNatsServer } from "./fleet/server.ts";
import { taskFlags } from "./task_flags.ts";
import { MissingToolsError, requireTools } from "./vm/tools.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));
const EXAMPLE = `${ROOT}install/host/examples/nats-server.conf`;
const HOSTS = ["kvm1", "kvm2"] as const;
const VMS_PER_HOST = 50;
/** Users of the example, by the names of their files. */
const USERS = ["KVM1", "KVM2", "OPERATOR", "ACME", "AUDITOR"] as const;

/** What is shown: why, and the command line after `kvmmanager-ctl`. */
const SHOWN: readonly (readonly [string, typeof USERS[number], string])[] = [
  ["The VMs with a label, of all hosts", "OPERATOR", "list -l role=db"],
  ["One VM, as on its own host", "OPERATOR", "info --domain kvm2-7"],
  [
    "One program on ten of them, two at a time",
    "OPERATOR",
    "exec -l role=db --parallel 2 -- uname",
  ],
  ["A tenant has its own VMs", "ACME", "list -l role=db --tenant acme"],
  ["and no other's", "ACME", "list"],
  ["An auditor looks", "AUDITOR", "call get_system_info --domain kvm1-3 --json"],
  ["and runs nothing", "AUDITOR", "exec --domain kvm1-3 -- uname"],
];

async function show(): Promise<void> {
  await requireTools(["nats-server"]);
  await using stack = new AsyncDisposableStack();
  const directory = await Deno.makeTempDir({ prefix: "kvmmanager-fleet-demo-" });
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  const url = await startServer(directory, stack);
  for (const host of HOSTS) {
    const fleet = stack.use(await Fleet.start(VMS_PER_HOST));
    await startHostd(host, { directory, channels: fleet.directory, url, stack });
  }
  printLine(`${HOSTS.length} hosts with ${VMS_PER_HOST} agents each have joined ${url}.`);
  for (const [why, user, line] of SHOWN) {
    printLine(`\n# ${why}\n$ kvmmanager-ctl --fleet … --creds ${user.toLowerCase()} ${line}`);
    const options = ["--fleet", url, "--creds", `${directory}/${user}`];
    const [command = "", ...rest] = line.split(" ");
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", ...taskFlags("ctl"), `${ROOT}host/ctl/main.ts`].concat(
        [command, ...options, ...rest],
      ),
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
    }).output();
    if (code !== 0) printLine(`(exit status ${code})`);
  }
}

/** The example's server with keys of its own; resolves to its URL. */
async function startServer(directory: string, stack: AsyncDisposableStack): Promise<string> {
  const { url } = await startNatsServer(directory, stack, async (address) => {
    let config = (await Deno.readTextFile(EXAMPLE)).replace("127.0.0.1:4222", address);
    for (const user of USERS) {
      const pair = nkeys.createUser();
      config = config.replaceAll(`KEY_OF_${user}`, pair.getPublicKey());
      await Deno.writeFile(`${directory}/${user}`, pair.getSeed(), { mode: 0o600 });
    }
    return config;
  });
  return url;
}

interface HostdOptions {
  readonly directory: string;
  readonly channels: string;
  readonly url: string;
  readonly stack: AsyncDisposableStack;
}

/** Describes the VMs as libvirt does, and starts a daemon; resolves once it has joined. */
async function startHostd(host: typeof HOSTS[number], options: HostdOptions): Promise<void> {
  const { directory, channels, url, stack } = options;
  const status = `${directory}/${host}`;
  const vms = Array.from({ length: VMS_PER_HOST }, (_, number) => ({
    name: `${host}-${number}`,
    socket: `${channels}/vm${number}.${CHANNEL_NAME}`,
    labels: { role: number % 10 === 7 ? "db" : "web", tenant: number < 25 ? "acme" : "other" },
  }));
  await describeVms(status, vms);
  const hostd = stack.use(
    new HostdProcess([
      ...["--socket", `${directory}/${host}.sock`, "--channels", channels],
      ...["--libvirt-status", status, "--nats", url, "--host-name", host],
      ...["--creds", `${directory}/${host.toUpperCase()}`],
    ]),
  );
  await hostd.says("joined the fleet");
}

async function run(): Promise<number> {
  try {
    await show();
    return EXIT.ok;
  } catch (error) {
    printError(`fleet: ${error instanceof Error ? error.message : error}`);
    return error instanceof MissingToolsError ? EXIT.unavailable : EXIT.software;
  }
}

if (import.meta.main) Deno.exit(await run());
