/**
 * The daemon of a host, as a process, and its VMs as libvirt describes them.
 *
 * @module
 */

import { fromFileUrl } from "@std/path/posix";
import { TextLineStream } from "@std/streams/text-line-stream";
import { METADATA_NAMESPACE } from "../../host/daemon/domains.ts";
import { CHANNEL_NAME } from "../../host/channels.ts";
import { taskFlags } from "../task_flags.ts";
import { end } from "./server.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

/** A VM as libvirt describes it. */
export interface Description {
  readonly name: string;
  /** The socket of its channel. */
  readonly socket: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Describes VMs in a new directory, as libvirt does; each gets a UUID. */
export async function describeVms(
  directory: string,
  vms: readonly Description[],
): Promise<void> {
  await Deno.mkdir(directory);
  for (const [index, vm] of vms.entries()) {
    await Deno.writeTextFile(`${directory}/${index}.xml`, statusOf(vm));
  }
}

function statusOf({ name, socket, labels = {} }: Description): string {
  const marks = Object.entries(labels)
    .map(([label, value]) => `<k:label name="${label}">${value}</k:label>`).join("");
  return `<domstatus state="running"><domain>
    <name>${name}</name><uuid>${crypto.randomUUID()}</uuid>
    <metadata><k:labels xmlns:k="${METADATA_NAMESPACE}">${marks}</k:labels></metadata>
    <devices><channel type="unix"><source mode="bind" path="${socket}"/>
      <target type="virtio" name="${CHANNEL_NAME}"/></channel></devices>
  </domain></domstatus>`;
}

/** A daemon that runs until it is disposed of. */
export class HostdProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: string[] = [];
  readonly #reading: Promise<void>;
  #hasEnded = false;
  #heard = Promise.withResolvers<void>();

  /** @param args As on its command line. */
  constructor(args: readonly string[]) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", ...taskFlags("hostd"), `${ROOT}host/daemon/main.ts`, ...args],
      stdin: "null",
      stdout: "inherit",
      stderr: "piped",
    }).spawn();
    this.#reading = this.#read();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /**
   * The first line of its log that has this text.
   *
   * @throws {Error} with the log, if it ends without one.
   */
  async says(text: string): Promise<string> {
    for (;;) {
      const line = this.#lines.find((line) => line.includes(text));
      if (line !== undefined) return line;
      if (this.#hasEnded) throw new Error(`the daemon has ended:\n${this.#lines.join("\n")}`);
      await this.#heard.promise;
    }
  }

  async #read(): Promise<void> {
    const lines = this.#child.stderr.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream());
    for await (const line of lines) {
      this.#lines.push(line);
      this.#tell();
    }
    this.#hasEnded = true;
    this.#tell();
  }

  #tell(): void {
    this.#heard.resolve();
    this.#heard = Promise.withResolvers();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#child);
    await this.#reading;
  }
}
