/**
 * What libvirt knows of the VMs that run: the files in which its QEMU driver keeps the domains'
 * status. Only root may read them.
 *
 * @module
 */

import { SaxesParser } from "saxes";
import { messageOf } from "../../lib/base/message_of.ts";
import { CHANNEL_NAME } from "../channels.ts";
import type { Domain } from "./vm.ts";

/** Where libvirt keeps the status of running domains. */
export const LIBVIRT_STATUS_DIRECTORY = "/run/libvirt/qemu";

/** The namespace of our elements in a domain's metadata; see docs/host.md. */
export const METADATA_NAMESPACE = "https://kvmmanager.org/xmlns/labels/1";

/** Status files are some 20 kB; the metadata in them is what programs put there. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_LABELS = 64;
const MAX_LABEL_CHARACTERS = 256;
const LABEL_NAME_REGEXP = /^[A-Za-z_][A-Za-z0-9_.-]{0,62}$/;
const UUID_REGEXP = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
// deno-lint-ignore no-control-regex -- exactly these are refused
const CONTROL_REGEXP = /[\x00-\x1f\x7f-\x9f\u2028\u2029]/;

/** A channel's place in a domain's XML. */
const CHANNEL = "domain/devices/channel";

/** A domain and the sockets of its agent's channel. */
export interface DomainChannels {
  readonly domain: Domain;
  readonly sockets: readonly string[];
}

/**
 * Reads the XML of a domain, or of its status.
 *
 * Labels are limited in number and length; those with control characters in them are left out.
 *
 * @throws {Error} if it is not well-formed, or not a domain's.
 */
export function parseDomain(xml: string): DomainChannels {
  const reader = new DomainReader();
  const parser = new SaxesParser({ xmlns: true });
  parser.on("opentag", ({ uri, local, attributes }) => {
    const values = Object.values(attributes).map(({ name, value }) => [name, value] as const);
    reader.open(uri, local, new Map(values));
  });
  parser.on("text", (text) => reader.text(text));
  parser.on("cdata", (text) => reader.text(text));
  parser.on("closetag", ({ local }) => reader.close(local));
  parser.on("error", (error) => {
    throw error;
  });
  parser.write(xml).close();
  return reader.result();
}

/** Collects what matters while the parser walks through the document. */
class DomainReader {
  readonly #path: string[] = [];
  readonly #labels: Record<string, string> = {};
  readonly #sockets: string[] = [];
  readonly #texts: Record<string, string> = {};
  #text = "";
  #state: string | undefined;
  #label: string | undefined;
  #source: string | undefined;
  #isAgent = false;

  open(uri: string, local: string, attributes: ReadonlyMap<string, string>): void {
    this.#path.push(local);
    this.#text = "";
    if (local === "domstatus") this.#state = attributes.get("state");
    const place = this.#place;
    if (place === `${CHANNEL}/source`) this.#source = attributes.get("path");
    if (place === `${CHANNEL}/target`) this.#isAgent = attributes.get("name") === CHANNEL_NAME;
    const isLabel = uri === METADATA_NAMESPACE && local === "label";
    if (isLabel && place.startsWith("domain/metadata/")) this.#label = attributes.get("name");
  }

  text(text: string): void {
    this.#text += text;
  }

  close(local: string): void {
    const place = this.#place;
    if (["domain/name", "domain/uuid", "domain/title"].includes(place)) {
      this.#texts[local] ??= this.#text.trim();
    }
    if (this.#label !== undefined && local === "label") {
      this.#keepLabel(this.#label, this.#text.trim());
      this.#label = undefined;
    }
    if (place === CHANNEL) {
      if (this.#isAgent && this.#source !== undefined) this.#sockets.push(this.#source);
      this.#isAgent = false;
      this.#source = undefined;
    }
    this.#path.pop();
    this.#text = "";
  }

  result(): DomainChannels {
    const { name, uuid, title } = this.#texts;
    if (name === undefined || uuid === undefined || !UUID_REGEXP.test(uuid)) {
      throw new Error("not the description of a domain: it has no name, or no UUID");
    }
    const domain: Domain = {
      name,
      uuid: uuid.toLowerCase(),
      labels: this.#labels,
      ...title !== undefined && { title },
      ...this.#state !== undefined && { state: this.#state },
    };
    return { domain, sockets: this.#sockets };
  }

  #keepLabel(name: string, value: string): void {
    const isFull = Object.keys(this.#labels).length >= MAX_LABELS;
    if (isFull || !LABEL_NAME_REGEXP.test(name) || name === "__proto__") return;
    if (value.length > MAX_LABEL_CHARACTERS || CONTROL_REGEXP.test(value)) return;
    this.#labels[name] = value;
  }

  /** The elements from the domain on: metadata may hold elements of any name. */
  get #place(): string {
    return this.#path.join("/").replace(/^domstatus\//, "");
  }
}

interface KnownFile {
  /** Changes with the file. */
  readonly mark: string;
  readonly found: DomainChannels | undefined;
}

/** The running domains of libvirt, by the sockets of their channels. */
export class Domains {
  readonly #directory: string;
  #files = new Map<string, KnownFile>();
  #bySocket = new Map<string, Domain>();
  #problem: string | undefined;

  constructor(directory: string = LIBVIRT_STATUS_DIRECTORY) {
    this.#directory = directory;
  }

  /** Why libvirt's files cannot be read, for a person. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** The domain whose channel has this socket. */
  of(socket: string): Domain | undefined {
    return this.#bySocket.get(socket);
  }

  /** Reads the files that have changed. Never rejects. */
  async refresh(): Promise<void> {
    const files = new Map<string, KnownFile>();
    try {
      for await (const { name, isFile } of Deno.readDir(this.#directory)) {
        if (isFile && name.endsWith(".xml")) files.set(name, await this.#read(name));
      }
      this.#problem = undefined;
    } catch (error) {
      const isAbsent = error instanceof Deno.errors.NotFound;
      this.#problem = isAbsent ? undefined : `${this.#directory}: ${textOf(error)}`;
    }
    this.#files = files;
    const found = [...files.values()].flatMap(({ found }) => found ?? []);
    this.#bySocket = new Map(
      found.flatMap(({ domain, sockets }) => sockets.map((socket) => [socket, domain] as const)),
    );
  }

  /** A file that cannot be read or understood describes no domain. */
  async #read(name: string): Promise<KnownFile> {
    const path = `${this.#directory}/${name}`;
    try {
      const { mtime, size, ino } = await Deno.stat(path);
      const mark = `${mtime?.getTime()} ${size} ${ino}`;
      const known = this.#files.get(name);
      if (known?.mark === mark) return known;
      if (size > MAX_FILE_BYTES) return { mark, found: undefined };
      return { mark, found: parsedOrNone(await Deno.readTextFile(path)) };
    } catch {
      return { mark: "", found: undefined };
    }
  }
}

function parsedOrNone(xml: string): DomainChannels | undefined {
  try {
    return parseDomain(xml);
  } catch {
    return undefined;
  }
}

const textOf = (error: unknown) =>
  error instanceof Deno.errors.PermissionDenied ? "permission denied" : messageOf(error);
