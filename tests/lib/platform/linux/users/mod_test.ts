import { assertEquals } from "@std/assert";
import { LinuxUsers, parseUsers } from "../../../../../lib/platform/linux/users/mod.ts";
import { tool } from "../../../../_tool.ts";
import { NEVER, rpcErrorOf } from "../../../_helpers.ts";

Deno.test("users have their groups, and no password", () => {
  const users = parseUsers(
    "root:x:0:0:root:/root:/bin/bash\nada:$6$secret:1000:1000:Ada Lovelace,Room 1,,:/home/ada:/bin/sh\n" +
      "+nis::::::\nbad\nada:x:0:0::/:/bin/sh\n" +
      "==>\nroot:x:0:\nada:x:1000:\nsudo:$secret:27:ada,bob\nada2:x:1000:ada\n",
  );
  assertEquals(users, [
    {
      name: "ada",
      uid: 1000,
      gid: 1000,
      fullName: "Ada Lovelace",
      home: "/home/ada",
      shell: "/bin/sh",
      groups: ["ada2", "sudo"],
    },
    {
      name: "root",
      uid: 0,
      gid: 0,
      fullName: "root",
      home: "/root",
      shell: "/bin/bash",
      groups: ["root"],
    },
  ]);
});

Deno.test("the list agrees with id(1)", async () => {
  const users = await new LinuxUsers().list(NEVER);
  const name = (await tool("id", "-un")).trim();
  const me = users.find((user) => user.name === name);
  assertEquals([`${me?.uid}`, `${me?.gid}`], [
    (await tool("id", "-u")).trim(),
    (await tool("id", "-g")).trim(),
  ]);
});

Deno.test("no user at all is an error, not an empty list", async () => {
  assertEquals((await rpcErrorOf(() => parseUsers("==>\n"))).code, -32000);
});
