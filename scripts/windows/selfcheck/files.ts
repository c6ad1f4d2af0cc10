/**
 * Checks of files: access control lists, replacing, and reparse points.
 *
 * @module
 */

import { RpcError } from "../../../lib/base/errors.ts";
import { WindowsFiles } from "../../../lib/platform/windows/files/mod.ts";
import { WINDOWS_PATHS } from "../../../lib/platform/windows/paths.ts";
import { ownDirectory, ownFile } from "../../../lib/platform/windows/service/own_files.ts";
import { services } from "../../../lib/platform/windows/ffi/services.ts";
import { wide } from "../../../lib/platform/windows/ffi/wide.ts";
import { lastError } from "../../../lib/platform/windows/ffi/windows_error.ts";
import { SecurityAttributes } from "../../../lib/platform/windows/security_attributes.ts";
import { type AllowedPath, allowPath } from "../../../lib/policy/paths.ts";
import { type Check, Failed, requireThat, Unknown } from "./check.ts";
import { fileAccessList } from "./security.ts";

const OWN_FILE = "D:P(A;;FA;;;SY)(A;;FA;;;BA)";
const OWN_DIRECTORY = "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";
/** One that no file gets by itself: the system and administrators, and guests may read. */
const UNUSUAL_LIST = "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;BG)";
/** DACL_SECURITY_INFORMATION and PROTECTED_DACL_SECURITY_INFORMATION. */
const PROTECTED_LIST = 0x8000_0004;

const files = new WindowsFiles();
const { signal } = new AbortController();
const NEW = { createDirectories: false, signal } as const;
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** The list without the flag that says that it was computed, which Windows sets or not. */
const withoutComputed = (list: string) => list.replace(/^D:P(?:AI)?/, "D:P");

function requireList(path: string, wanted: string): string {
  const list = fileAccessList(path);
  requireThat(
    withoutComputed(list) === withoutComputed(wanted),
    `${list} instead of ${wanted}`,
  );
  return list;
}

function setList(path: string, sddl: string): void {
  const security = new SecurityAttributes(sddl);
  const isSet = services.SetFileSecurityW(wide(path), PROTECTED_LIST, security.descriptor);
  const error = isSet === 0 ? lastError("SetFileSecurityW") : undefined;
  security.free();
  if (error !== undefined) throw error;
}

/** What a request is refused with. */
async function refusal(what: string, request: () => Promise<unknown>): Promise<string> {
  try {
    await request();
  } catch (error) {
    if (error instanceof RpcError && error.kind === "permissionDenied") return error.message;
    throw error;
  }
  throw new Failed(`${what} is not refused`);
}

/** Makes a link, as mklink does. */
async function link(option: "/J" | "/D", path: string, to: string): Promise<void> {
  const { code } = await new Deno.Command("cmd", {
    args: ["/d", "/c", "mklink", option, path, to],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  const isThere = await Deno.lstat(path).then(() => true, () => false);
  if (code !== 0 || !isThere) throw new Unknown(`mklink ${option} makes no link here`);
}

/**
 * The checks.
 *
 * @param folder An empty directory.
 */
export function fileChecks(folder: string): readonly Check[] {
  const at = (name: string): AllowedPath =>
    allowPath(`${folder}\\${name}`, [folder], {
      list: "allowed_write_paths",
      rules: WINDOWS_PATHS,
    });
  const read = async (name: string) => {
    const file = await files.open(at(name), { access: "read", signal });
    using _file = file;
    return new TextDecoder().decode((await file.readAt(0, 100, signal)).bytes);
  };
  const linkIsRefused = async (option: "/J" | "/D", name: string) => {
    const target = `${folder}\\${name} target`;
    await Deno.mkdir(target);
    await Deno.writeTextFile(`${target}\\secret`, "secret");
    await link(option, `${folder}\\${name}`, target);
    await refusal("listing the link", () => files.list(at(name), { after: "", limit: 1, signal }));
    await refusal(
      "writing through the link",
      () => files.replace(at(`${name}\\new`), bytesOf("x"), NEW),
    );
    return await refusal("reading through the link", () => read(`${name}\\secret`));
  };
  return [
    {
      name: "the agent's files are for SYSTEM and administrators alone",
      run: () => {
        ownFile(`${folder}\\own`);
        return requireList(`${folder}\\own`, OWN_FILE);
      },
    },
    {
      name: "the agent's directories are for SYSTEM and administrators alone",
      run: () => {
        ownDirectory(`${folder}\\own directory`);
        return requireList(`${folder}\\own directory`, OWN_DIRECTORY);
      },
    },
    {
      name: "a file that is replaced keeps its access control list",
      run: async () => {
        await files.replace(at("listed"), bytesOf("old"), NEW);
        setList(`${folder}\\listed`, UNUSUAL_LIST);
        await files.replace(at("listed"), bytesOf("new"), NEW);
        requireThat(await read("listed") === "new", "it was not replaced");
        return requireList(`${folder}\\listed`, UNUSUAL_LIST);
      },
    },
    {
      name: "a file that is being read is replaced",
      run: async () => {
        await files.replace(at("open"), bytesOf("old"), NEW);
        const reader = await files.open(at("open"), { access: "read", signal });
        using _reader = reader;
        await files.replace(at("open"), bytesOf("new"), NEW);
        const seen = new TextDecoder().decode((await reader.readAt(0, 9, signal)).bytes);
        requireThat(seen === "old", `whoever reads it sees ${JSON.stringify(seen)}`);
        requireThat(await read("open") === "new", "it has the old content");
        return "who reads it keeps the old content";
      },
    },
    { name: "a junction is refused", run: () => linkIsRefused("/J", "junction") },
    { name: "a symbolic link is refused", run: () => linkIsRefused("/D", "symbolic link") },
  ];
}
