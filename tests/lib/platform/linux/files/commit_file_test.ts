import { assertEquals } from "@std/assert";
import { BoundedOpens } from "../../../../../lib/platform/linux/files/bounded_opens.ts";
import { commitFile } from "../../../../../lib/platform/linux/files/commit_file.ts";
import type { FileShell } from "../../../../../lib/platform/linux/files/file_shell.ts";
import { FileShells } from "../../../../../lib/platform/linux/files/file_shells.ts";
import { FileSystemTypes } from "../../../../../lib/platform/linux/files/file_system_types.ts";
import { namesIn, NEVER, rpcErrorOf, TempDirectory } from "../../../_helpers.ts";

/** Something that somebody changes before or after the shells are used for the nth time. */
interface Change {
  readonly before?: number;
  readonly after?: number;
  readonly act: () => Promise<void>;
}

/** Shells that let a test change something meanwhile; they count their uses. */
class WatchedShells extends FileShells {
  uses = 0;

  constructor(readonly change?: Change) {
    super(false);
  }

  override async use<T>(signal: AbortSignal, work: (shell: FileShell) => Promise<T>): Promise<T> {
    const number = ++this.uses;
    if (number === this.change?.before) await this.change.act();
    const result = await super.use(signal, work);
    if (number === this.change?.after) await this.change.act();
    return result;
  }
}

/** Where nobody else can swap anything: one use for the kind of the file system, one for the hash. */
const USES_IN_OWN = { type: 1, hash: 2 };

/** Commits `part` to `file` in an allowed directory `in`; returns how often shells were used. */
async function commit(
  directory: TempDirectory,
  { change, sha256 }: { readonly change?: Change; readonly sha256?: string } = {},
): Promise<number> {
  const root = directory.at("in");
  const bytes = await Deno.readFile(`${root}/part`);
  await using shells = new WatchedShells(change);
  await commitFile(
    {
      shells,
      types: new FileSystemTypes(shells),
      opens: new BoundedOpens(() => Promise.resolve()),
    },
    { path: `${root}/file`, root },
    {
      from: { path: `${root}/part`, root },
      sizeBytes: bytes.byteLength,
      sha256: sha256 ??
        new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex(),
      mode: 0o751,
      signal: NEVER,
    },
  );
  return shells.uses;
}

const modeOf = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;

async function prepared(): Promise<TempDirectory> {
  const directory = await TempDirectory.make();
  await directory.directory("in");
  await directory.file("in/part", "verified");
  await directory.file("in/file", "old");
  return directory;
}

for (
  const [who, directoryMode, uses] of [
    ["only the agent's user can", 0o755, USES_IN_OWN.hash],
    ["others can", 0o777, 1],
  ] as const
) {
  Deno.test(`a verified file replaces the old one and gets its mode, where ${who} write`, async () => {
    await using directory = await prepared();
    await Deno.chmod(directory.at("in"), directoryMode);
    assertEquals(await commit(directory), uses);
    assertEquals(await Deno.readTextFile(directory.at("in/file")), "verified");
    assertEquals(await modeOf(directory.at("in/file")), 0o751);
    assertEquals(await namesIn(directory.at("in")), ["file"]);
  });

  Deno.test(`a file with another hash stays as it is, where ${who} write`, async () => {
    await using directory = await prepared();
    await Deno.chmod(directory.at("in"), directoryMode);
    await Deno.chmod(directory.at("in/part"), 0o600);
    const error = await rpcErrorOf(() => commit(directory, { sha256: "0".repeat(64) }));
    assertEquals(error.code, -32000);
    assertEquals(await modeOf(directory.at("in/part")), 0o600);
    assertEquals(await Deno.readTextFile(directory.at("in/file")), "old");
    assertEquals(await namesIn(directory.at("in")), ["file", "part"]);
  });
}

for (const when of [{ before: USES_IN_OWN.hash }, { after: USES_IN_OWN.hash }] as const) {
  const shown = "before" in when ? "before it is hashed" : "after it was hashed";
  Deno.test(`a file that is swapped ${shown} is not committed, and is put back`, async () => {
    await using directory = await prepared();
    const act = async () => {
      await directory.file("in/other", "swapped!");
      await Deno.rename(directory.at("in/other"), directory.at("in/part"));
    };
    const error = await rpcErrorOf(() => commit(directory, { change: { ...when, act } }));
    assertEquals(error.code, -32001);
    assertEquals(await Deno.readTextFile(directory.at("in/file")), "old");
    assertEquals(await Deno.readTextFile(directory.at("in/part")), "swapped!");
    assertEquals(await namesIn(directory.at("in")), ["file", "part"]);
  });
}

for (const before of Object.values(USES_IN_OWN)) {
  Deno.test(`a directory that becomes a link before shells are used for time ${before} is refused`, async () => {
    await using directory = await prepared();
    const act = async () => {
      await Deno.rename(directory.at("in"), directory.at("moved"));
      await Deno.symlink("moved", directory.at("in"));
    };
    const error = await rpcErrorOf(() => commit(directory, { change: { before, act } }));
    assertEquals(error.code, -32001);
    assertEquals(await namesIn(directory.at("moved")), ["file", "part"]);
    assertEquals(await Deno.readTextFile(directory.at("moved/file")), "old");
  });
}
