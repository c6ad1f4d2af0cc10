/**
 * Judges what is known about an installed agent.
 *
 * @module
 */

import { VERSION } from "../../../base/version.ts";
import type { Finding } from "../../finding.ts";

/** What the script of the doctor has printed, by name. */
export type Facts = ReadonlyMap<string, readonly string[]>;

/** What is known besides the facts. */
export interface Circumstances {
  readonly channelName: string;
  readonly unit: string;
  readonly brokerSocket: string;
  readonly stateDirectory: string | null;
  /** Why the broker does not trust the configuration; `undefined` if it does. */
  readonly distrust: string | undefined;
}

const FULL_PERCENT = 98;
const MAX_OFFSET_SECONDS = 5;
/** Hardware clocks in local time differ by multiples of a quarter of an hour. */
const ZONE_STEP_SECONDS = 900;
const MAX_RESTARTS = 5;

const right = (about: string, found: string): Finding => ({ about, verdict: "right", found });
const wrong = (about: string, found: string, advice: string): Finding => ({
  about,
  verdict: "wrong",
  found,
  advice,
});
const unknown = (about: string, found: string, advice: string): Finding => ({
  about,
  verdict: "unknown",
  found,
  advice,
});

/** The lines of the doctor's script by name. */
export function parseFacts(text: string): Facts {
  const facts = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const at = line.indexOf(" ");
    if (at < 0) continue;
    const name = line.slice(0, at);
    facts.set(name, [...facts.get(name) ?? [], line.slice(at + 1)]);
  }
  return facts;
}

/** Every finding, in the order in which a person would look. */
export function judge(facts: Facts, circumstances: Circumstances): Finding[] {
  const one = (name: string) => facts.get(name)?.[0];
  const all = new Examination(one, circumstances);
  return [
    all.version(),
    all.driver(),
    all.port(),
    all.service(),
    all.permissions(),
    all.confinement(),
    all.broker(),
    all.clock(),
    ...[...new Set(facts.get("disk"))].map(disk),
    all.rootDisk(),
  ].filter((finding) => finding !== undefined);
}

class Examination {
  readonly #one: (name: string) => string | undefined;
  readonly #about: Circumstances;

  constructor(one: (name: string) => string | undefined, about: Circumstances) {
    this.#one = one;
    this.#about = about;
  }

  get #isRoot(): boolean {
    return this.#one("uid") === "0";
  }

  version(): Finding {
    const found = `kvmmanager-agent ${VERSION}, Linux ${this.#one("kernel") ?? "unknown"}`;
    if (this.#one("exe")?.endsWith(" (deleted)")) {
      return wrong(
        "version",
        `${found}; the running agent is an older one, whose program was replaced`,
        `systemctl restart ${this.#about.unit}`,
      );
    }
    return right("version", found);
  }

  driver(): Finding {
    if (this.#one("driver") === "yes") return right("driver", "virtio_console is loaded");
    return wrong(
      "driver",
      "the kernel has no driver virtio_console",
      "modprobe virtio_console; a minimal kernel may lack it (CONFIG_VIRTIO_CONSOLE)",
    );
  }

  port(): Finding {
    const { channelName } = this.#about;
    if (this.#one("port") === "yes") return right("port", `${channelName} is there`);
    const others = this.#one("ports")?.trim() ?? "";
    return wrong(
      "port",
      `no port ${channelName}${others === "" ? "" : `; there is ${others}`}`,
      `add a virtio-serial channel with this name to the VM on the host; if the port is there under ` +
        "another name, set channel_name, and if only its link is missing, check udev",
    );
  }

  service(): Finding {
    const { unit } = this.#about;
    const [manager, state, restarts] = ["manager", "state", "restarts"].map(this.#one);
    if (manager === undefined) {
      return unknown("service", "neither systemd nor OpenRC runs here", "see docs/operations.md");
    }
    const restart = manager === "systemd"
      ? `journalctl -u ${unit} says why; systemctl restart ${unit} starts it`
      : `/var/log/kvmmanager-agent.log says why; rc-service ${
        unit.replace(/\.service$/, "")
      } restart starts it`;
    if (this.#one("loaded") === "not-found") {
      return wrong("service", `${unit} is not installed`, "install the package again");
    }
    if (state !== "active") {
      const result = this.#one("result");
      const why = result === undefined || result === "success" ? "" : ` (${result})`;
      return wrong("service", `${unit} is ${state ?? "in an unknown state"}${why}`, restart);
    }
    if (this.#one("holds_port") === "no" && this.#isRoot) {
      return wrong("service", `${unit} runs but does not hold the port`, restart);
    }
    if (Number(restarts ?? 0) > MAX_RESTARTS) {
      return wrong("service", `${unit} runs, but was restarted ${restarts} times`, restart);
    }
    return right("service", `${unit} is active`);
  }

  permissions(): Finding {
    const { stateDirectory } = this.#about;
    const user = this.#one("user");
    if (user === undefined) {
      return wrong(
        "permissions",
        "there is no user kvmmanager-agent",
        "install the package again, or: systemd-sysusers",
      );
    }
    if (stateDirectory === null) {
      return right("permissions", "no state is kept (state_directory is null)");
    }
    const [owner, mode] = this.#one("state_directory")?.split(" ") ?? [];
    if (owner === undefined) {
      if (!this.#isRoot) {
        return unknown("permissions", `${stateDirectory} cannot be seen`, "run this as root");
      }
      return wrong(
        "permissions",
        `${stateDirectory} does not exist: jobs and events are kept in memory only`,
        "systemd-tmpfiles --create, then restart the agent",
      );
    }
    if (owner !== user) {
      return wrong(
        "permissions",
        `${stateDirectory} belongs to user ${owner}, not to kvmmanager-agent`,
        `chown -R kvmmanager-agent: ${stateDirectory}`,
      );
    }
    return right("permissions", `${stateDirectory} belongs to kvmmanager-agent (mode ${mode})`);
  }

  confinement(): Finding {
    if (this.#one("pid") === undefined) {
      return unknown("confinement", "no running agent was found", "start the agent first");
    }
    if (this.#one("process_uid") === "0") {
      return wrong(
        "confinement",
        "the agent runs as root",
        "run it by its service, as its own user",
      );
    }
    const flags = this.#one("flags") ?? "";
    if (/ (-A|--allow-all) /.test(flags)) {
      return wrong(
        "confinement",
        "the agent has every permission of its runtime (--allow-all)",
        "start it without --channel device:",
      );
    }
    if (!flags.includes("--allow-read=")) {
      return unknown("confinement", "the agent's flags cannot be read", "run this as root");
    }
    const isLoose = this.#one("no_new_privileges") !== "1" || this.#one("seccomp") === "0" ||
      /[^0]/.test(this.#one("capabilities") ?? "0");
    if (isLoose) {
      return wrong(
        "confinement",
        "the runtime confines the agent, the service manager does not fully: it may gain " +
          "privileges, has capabilities or no system call filter",
        "see whether a drop-in loosens the unit (systemctl cat) and is still needed",
      );
    }
    return right(
      "confinement",
      "its own user, no capabilities, the runtime's permissions, seccomp",
    );
  }

  broker(): Finding {
    const { brokerSocket, distrust } = this.#about;
    if (distrust !== undefined) {
      return wrong(
        "broker",
        `it would refuse to work: ${distrust}`,
        "give the configuration to root, writable by nobody else",
      );
    }
    if (this.#one("manager") === "openrc") {
      return unknown(
        "broker",
        "there is none under OpenRC unless the agent runs as root with --broker child",
        "nothing, if the host needs no freezing, users, services or packages",
      );
    }
    const [kind, owner, mode] = this.#one("broker_socket")?.split(":") ?? [];
    if (kind === undefined || this.#one("broker_state") !== "active") {
      return wrong(
        "broker",
        `nothing listens on ${brokerSocket}: freezing, users, services and packages are refused`,
        "systemctl enable --now kvmmanager-agent-privileged.socket",
      );
    }
    if (owner !== this.#one("user") || mode !== "600") {
      return wrong(
        "broker",
        `${brokerSocket} has owner ${owner} and mode ${mode}`,
        "systemctl restart kvmmanager-agent-privileged.socket, which makes it 600 for the agent",
      );
    }
    return right("broker", `${brokerSocket} is there for the agent only`);
  }

  clock(): Finding {
    const [now, hardware] = ["now", "hardware_clock"].map((name) => Number(this.#one(name)));
    const isSynchronized = this.#one("synchronized") === "yes";
    if (now === undefined || hardware === undefined || !(hardware > 0)) {
      return isSynchronized
        ? right("clock", "synchronized")
        : unknown("clock", "there is no hardware clock to compare with", "ctl doctor compares it");
    }
    const offset = now - hardware;
    const rest = Math.abs(offset - Math.round(offset / ZONE_STEP_SECONDS) * ZONE_STEP_SECONDS);
    if (rest <= MAX_OFFSET_SECONDS) {
      return right("clock", isSynchronized ? "synchronized" : "agrees with the hardware clock");
    }
    return wrong(
      "clock",
      `differs from the hardware clock by ${offset} s`,
      "kvmmanager-ctl time --set on the host, or hwclock --hctosys here; and run an NTP client",
    );
  }

  rootDisk(): Finding | undefined {
    if (this.#one("root") !== "ro") return undefined;
    return wrong(
      "disk",
      "/ is mounted read-only",
      "unless that is meant, dmesg says which error made the kernel do it",
    );
  }
}

function disk(line: string): Finding {
  const [place = "", percent = "", free = ""] = line.split(" ");
  const found = `${place} is ${percent} % full`;
  if (Number(percent) < FULL_PERCENT) return right("disk", found);
  return wrong("disk", `${found}, ${free} KiB are free`, "make room: logs and jobs need some");
}
