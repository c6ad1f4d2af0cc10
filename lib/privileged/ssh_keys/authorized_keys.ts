/**
 * A user's authorized_keys, read and written as that user: whatever links the user puts into the
 * home directory, they lead to nothing that the user could not reach anyway.
 *
 * @module
 */

import * as z from "zod";
import { commandFailed } from "../../base/errors.ts";
import { firstLine, type Root } from "../operation.ts";
import { type Account, AccountName, managedAccount } from "../users/accounts.ts";
import { parsePublicKey, type PublicKey } from "./public_key.ts";

const MAX_FILE_BYTES = 512 * 1024;
const MAX_KEYS = 100;
const MAX_KEY_CHARACTERS = 16_384;
/** A user can make his own process wait. */
const TIMEOUT_MS = 10_000;
/** Exit statuses of the scripts. */
const STATUS = { link: 40, changed: 41, tooLarge: 42 } as const;

/** Enters the directory that it names, and nothing that a link leads to. */
const ENTER = `set -eu
umask 077
cd -- "$1"
home=$(pwd -P)
enter() {
	cd .ssh
	[ "$(pwd -P)" = "\${home%/}/.ssh" ] || exit ${STATUS.link}
	if [ -L authorized_keys ] || { [ -e authorized_keys ] && ! [ -f authorized_keys ]; }; then
		exit ${STATUS.link}
	fi
}
`;

const READ = `${ENTER}
[ -e .ssh ] || [ -L .ssh ] || exit 0
enter
[ -e authorized_keys ] || exit 0
head -c ${MAX_FILE_BYTES + 1} authorized_keys
`;

/** Replaces the file if it is still what was read; renaming never follows a link. */
const WRITE = `${ENTER}
[ -e .ssh ] || [ -L .ssh ] || mkdir -m 700 .ssh
enter
chmod go-w .
new=$(mktemp .authorized_keys.XXXXXXXX)
trap 'rm -f "$new"' EXIT
cat >"$new"
chmod 600 "$new"
old=none
[ ! -s authorized_keys ] || old=$(sha256sum <authorized_keys)
[ "\${old%% *}" = "$2" ] || exit ${STATUS.changed}
mv -fT "$new" authorized_keys
if command -v restorecon >/dev/null; then restorecon -R . || :; fi
`;

/** The parameters of every operation on keys. */
export const UserParams = () => ({ user: AccountName() });

/** The parameter that lists keys, each as one line of a `.pub` file; it may be empty. */
export const KeyList = () =>
  z.array(
    z.string().check(
      z.maxLength(MAX_KEY_CHARACTERS),
      z.superRefine((text, context) => {
        const parsed = parsePublicKey(text);
        if (typeof parsed === "string") context.addIssue(parsed);
      }),
    ),
  ).check(z.maxLength(MAX_KEYS));

/** A {@link KeyList} with at least one key. */
export const Keys = () => KeyList().check(z.minLength(1));

/** The keys of a checked list. */
export const keysOf = (texts: readonly string[]): PublicKey[] =>
  texts.map(parsePublicKey).filter((key) => typeof key !== "string");

/** A user's file. */
export class AuthorizedKeys {
  readonly #root: Root;
  readonly #account: Account;
  readonly #before: string;

  private constructor(root: Root, account: Account, before: string) {
    this.#root = root;
    this.#account = account;
    this.#before = before;
  }

  /**
   * Reads the file; it need not exist.
   *
   * @throws {RpcError} -32001 or -32002 for the user, -32000 for the file.
   */
  static async read(root: Root, user: string): Promise<AuthorizedKeys> {
    const account = await managedAccount(root, user);
    const text = await asUser(root, account, READ, []);
    if (text.length > MAX_FILE_BYTES) throw explained(account, STATUS.tooLarge, "");
    return new AuthorizedKeys(root, account, text);
  }

  /** Its lines. */
  get lines(): readonly string[] {
    return this.#before.split("\n").filter((line, index, all) =>
      line !== "" || index < all.length - 1
    );
  }

  /** Replaces its lines. @throws {RpcError} -32000 if it was changed meanwhile. */
  async write(lines: readonly string[]): Promise<void> {
    const hash = this.#before === "" ? "none" : await sha256(this.#before);
    const input = lines.map((line) => `${line}\n`).join("");
    await asUser(this.#root, this.#account, WRITE, [hash], input);
  }
}

/** Runs a script as the user, without capabilities. */
async function asUser(
  root: Root,
  account: Account,
  script: string,
  args: readonly string[],
  input = "",
): Promise<string> {
  const { uid, gid, home } = account;
  const { code, stdout, stderr } = await root.run("setpriv", [
    `--reuid=${uid}`,
    `--regid=${gid}`,
    "--init-groups",
    "--inh-caps=-all",
    "--bounding-set=-all",
    "--no-new-privs",
    "--",
    "/bin/sh",
    "-c",
    script,
    "sh",
    home,
    ...args,
  ], { input, timeoutMs: TIMEOUT_MS });
  if (code !== 0) throw explained(account, code, stderr);
  return stdout;
}

function explained({ user, home }: Account, code: number, stderr: string): Error {
  const file = `${home}/.ssh/authorized_keys`;
  const reason = code === STATUS.link
    ? `${file} or its directory is a symbolic link or not a file; links are never followed`
    : code === STATUS.changed
    ? `${file} was changed at the same time; try again`
    : code === STATUS.tooLarge
    ? `${file} has more than ${MAX_FILE_BYTES} bytes`
    : `cannot use ${file}: ${firstLine(stderr) || `exit status ${code}`}`;
  return commandFailed(reason, { user });
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}
