import { argument, multiple, object } from "@optique/core";
import { UsageError } from "../../../lib/base/command_line.ts";
import { printLine } from "../../../lib/base/terminal.ts";
import { defineCommand, words } from "../command.ts";
import { EXIT } from "../exit.ts";
import { table } from "../format.ts";
import { printable, printableJson } from "../printable.ts";
import { connectTarget } from "../target.ts";

const ACTIONS = ["list", "add", "remove"] as const;

/** `ssh-key`: manages the keys with which a user of a guest may log in. */
export const sshKey = defineCommand(
  {
    name: "ssh-key",
    brief: "Lists, adds and removes the SSH keys of a VM's user.",
    details: [
      "ACTION is list, add or remove; KEY is the content of a .pub file. Without KEY, remove removes " +
      "every key that a host has added.",
    ],
    examples: [
      "ssh-key list deploy --domain vm1",
      'ssh-key add deploy "$(cat id_ed25519.pub)" --domain vm1',
      "ssh-key remove deploy --domain vm1",
    ],
  },
  object({
    action: argument(words("ACTION", ACTIONS)),
    user: argument(words("NAME")),
    keys: multiple(argument(words("KEY"))),
  }),
  async ({ action: word, user, keys }, invocation) => {
    const action = ACTIONS.find((known) => known === word);
    if (action === undefined) {
      throw new UsageError(`ACTION must be ${ACTIONS.join(", ")}, received "${word}"`);
    }
    const { signal, json } = invocation;
    const { client } = await connectTarget(invocation);
    await using _client = client;
    if (action === "list") {
      const result = await client.call("ssh_keys_list", { user }, { signal });
      const rows = result.keys.map(({ type, fingerprint, comment, managed }) => [
        ...[type, fingerprint, comment].map(printable),
        managed ? "yes" : "no",
      ]);
      printLine(
        json ? printableJson(result) : table(["TYPE", "FINGERPRINT", "COMMENT", "MANAGED"], rows),
      );
    } else if (action === "add") {
      const result = await client.call("ssh_keys_add", { user, keys: [...keys] }, { signal });
      printLine(json ? printableJson(result) : `added ${result.added}`);
    } else {
      const named = keys.length > 0 ? { keys: [...keys] } : {};
      const result = await client.call("ssh_keys_remove", { user, ...named }, { signal });
      printLine(json ? printableJson(result) : `removed ${result.removed}`);
    }
    return EXIT.ok;
  },
);
