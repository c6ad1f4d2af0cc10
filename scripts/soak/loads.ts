/**
 * Loads that take memory: what a host or a program of the guest can send in bulk.
 *
 * @module
 */

/** Where a load acts. */
export interface Site {
  /** What the agent may read and write. */
  readonly files: string;
}

/** One kind of load. */
export interface Load {
  readonly name: string;
  /** The sender: the host on its channel, or programs on the command monitor. */
  readonly sender: "host" | "programs";
  /** The maximum in one mix: lines of the host, or concurrent programs. */
  readonly maxCount: number;
  /** The largest size; the load defines its unit. */
  readonly maxSize: number;
  /** One line, without its newline. */
  readonly line: (id: number, size: number, site: Site) => string;
}

/** Below the limit of 64 KiB a line, with room for the rest of the message. */
const MAX_BYTES = 64_000;
/** How long commands last: longer than it takes to send a mix. */
const COMMAND_SECONDS = 2;
/** Files in the directory that is listed. */
export const LISTED_FILES = 1000;

const call = (id: number, method: string, params: object) =>
  JSON.stringify({ jsonrpc: "2.0", id, method, params });

const text = (bytes: number) => "m".repeat(bytes);

/** Every kind of load, by name. */
export const LOADS: readonly Load[] = [
  {
    name: "batches of numbers",
    sender: "host",
    maxCount: 40,
    maxSize: MAX_BYTES / 2,
    line: (_id, size) => `[${Array.from({ length: size }, () => 1).join(",")}]`,
  },
  {
    name: "batches of pings",
    sender: "host",
    maxCount: 80,
    maxSize: 1500,
    line: (id, size) =>
      `[${
        Array.from({ length: size }, (_, index) =>
          `{"jsonrpc":"2.0","method":"ping","id":${id * 10_000 + index}}`).join(",").slice(
            0,
            MAX_BYTES,
          ).replace(/,?\{[^}]*$/, "")
      }]`,
  },
  {
    name: "arrays in arrays",
    sender: "host",
    maxCount: 40,
    maxSize: 1000,
    line: (id, size) =>
      `{"jsonrpc":"2.0","id":${id},"method":"ping","params":${"[".repeat(size)}${
        "]".repeat(size)
      }}`,
  },
  {
    name: "unknown parameters",
    sender: "host",
    maxCount: 100,
    maxSize: 4000,
    line: (id, size) =>
      call(
        id,
        "ping",
        Object.fromEntries(Array.from({ length: size }, (_, key) => [`k${key}`, 1])),
      ),
  },
  {
    name: "commands with environments",
    sender: "host",
    maxCount: 120,
    maxSize: 5000,
    line: (id, size) =>
      call(id, "exec_command", {
        command: "sleep",
        args: [`${COMMAND_SECONDS}`],
        env: Object.fromEntries(Array.from({ length: size }, (_, key) => [`K${key}`, ""])),
      }),
  },
  {
    name: "commands with input",
    sender: "host",
    maxCount: 120,
    maxSize: MAX_BYTES,
    line: (id, size) =>
      call(id, "exec_command", {
        command: "sleep",
        args: [`${COMMAND_SECONDS}`],
        input: text(size),
      }),
  },
  {
    name: "commands with output",
    sender: "host",
    maxCount: 100,
    maxSize: 1_000_000,
    line: (id, size) =>
      call(id, "exec_command", { command: "head", args: ["-c", `${size}`, "/dev/urandom"] }),
  },
  {
    name: "file writes",
    sender: "host",
    maxCount: 120,
    maxSize: MAX_BYTES,
    line: (id, size, { files }) =>
      call(id, "file_write", { path: `${files}/w${id % 20}`, content: text(size) }),
  },
  {
    name: "writes of pieces",
    sender: "host",
    maxCount: 120,
    maxSize: MAX_BYTES,
    line: (id, size, { files }) =>
      call(id, "file_write", { path: `${files}/p${id % 20}`, content: text(size), offset: 0 }),
  },
  {
    name: "file reads",
    sender: "host",
    maxCount: 300,
    maxSize: 48_000,
    line: (id, size, { files }) =>
      call(id, "file_read", {
        path: `${files}/large`,
        encoding: "base64",
        length: Math.max(1, size),
      }),
  },
  {
    name: "listings",
    sender: "host",
    maxCount: 300,
    maxSize: 1,
    line: (id, _size, { files }) => call(id, "file_list", { path: `${files}/listed` }),
  },
  {
    name: "network and disk facts",
    sender: "host",
    maxCount: 300,
    maxSize: 1,
    line: (id) => call(id, id % 2 === 0 ? "get_network_info" : "get_disk_usage", {}),
  },
  {
    name: "discoveries",
    sender: "host",
    maxCount: 300,
    maxSize: 1,
    line: (id) => call(id, "rpc.discover", {}),
  },
  {
    name: "events",
    sender: "programs",
    maxCount: 300,
    maxSize: 60_000,
    line: (_id, size) => JSON.stringify({ Name: "agent.SendEvent", Event: "e", Data: text(size) }),
  },
  {
    name: "unknown keys",
    sender: "programs",
    maxCount: 300,
    maxSize: 900,
    line: (_id, size) =>
      JSON.stringify({
        Name: "agent.Ping",
        ...Object.fromEntries(Array.from({ length: size }, (_, key) => [`Unknown${key}`, key])),
      }),
  },
  {
    name: "unfinished requests",
    sender: "programs",
    maxCount: 300,
    maxSize: 60_000,
    line: (_id, size) => `{"Name":"agent.Ping","Rest":"${text(size)}`,
  },
];

/** Makes the files that the loads read. */
export async function prepareLoads({ files }: Site): Promise<void> {
  await Deno.writeFile(`${files}/large`, crypto.getRandomValues(new Uint8Array(48_000)));
  await Deno.mkdir(`${files}/listed`);
  for (let index = 0; index < LISTED_FILES; index++) {
    await Deno.writeTextFile(`${files}/listed/${index}-${text(40)}`, "");
  }
}
