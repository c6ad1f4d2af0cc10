import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { userList } from "../../../handlers/users/user_list.ts";
import type { User } from "../../../lib/guest/users.ts";
import { rpcErrorOf } from "../../lib/_helpers.ts";
import { call } from "../_call.ts";
import { Served } from "../_served.ts";

const user = (name: string, uid: number): User => ({
  name,
  uid,
  gid: uid,
  fullName: "",
  home: "/",
  shell: "/bin/sh",
  groups: [name],
});

Deno.test("user_list tells people from system users, and pages by name", async () => {
  const all = [user("ada", 1000), user("bob", 1001), user("nobody", 65_534), user("root", 0)];
  const list = async (params: Record<string, unknown>) => {
    const users = { list: () => Promise.resolve(all) };
    const result = await call(userList, params, { guest: { users } });
    const { users: page, cursor } = z.parse(userList.result, result);
    return [page.map(({ name }) => name).join(" "), cursor];
  };
  assertEquals(await list({}), ["ada bob nobody root", undefined]);
  assertEquals(await list({ system: true }), ["nobody root", undefined]);
  assertEquals(await list({ system: false }), ["ada bob", undefined]);
  assertEquals(await list({ limit: 3 }), ["ada bob nobody", "nobody"]);
  assertEquals(await list({ limit: 3, cursor: "nobody" }), ["root", undefined]);
});

Deno.test("user_list of a guest that cannot says so", async () => {
  assertEquals((await rpcErrorOf(() => call(userList, {}))).code, -32000);
});

Deno.test("user_list of a real, confined agent has root", async () => {
  await using served = await Served.start(userList);
  const { users } = await served.call({ system: true, limit: 1000 }, userList.result);
  assert(users.some(({ name, uid, system }) => name === "root" && uid === 0 && system));
});
