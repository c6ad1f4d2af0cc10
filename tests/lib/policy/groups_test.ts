import { assert, assertEquals } from "@std/assert";
import {
  type Access,
  DEFAULT_GROUPS,
  groupRefusal,
  GROUPS,
  isAllowed,
} from "../../../lib/policy/groups.ts";

Deno.test("a group is allowed if it is listed, and what is always on needs no list", () => {
  const cases: [Access, boolean][] = [["see", true], ["power", false], ["always", true]];
  for (const [access, expected] of cases) {
    assertEquals(isAllowed(access, ["see", "exec"]), expected, access);
  }
  assert(isAllowed("always", []));
});

Deno.test("the groups that give the host new rights in the guest are off by default", () => {
  const off = GROUPS.filter((group) => !DEFAULT_GROUPS.includes(group));
  assertEquals(off, ["accounts", "services", "packages", "cloud-init"]);
});

Deno.test("the refusal of a group names the group, the key and the file", () => {
  const { code, data } = groupRefusal("user_list", "accounts", "/etc/agent.json");
  assertEquals([code, data.group, data.key], [-32001, "accounts", "security.allow"]);
  assertEquals(
    data.reason,
    'user_list needs the group "accounts", which security.allow in /etc/agent.json does not list',
  );
});
