import { assertEquals } from "@std/assert";
import { normalizeArguments } from "../../../host/ctl/arguments.ts";

for (
  const [given, expected] of [
    ["-h", "--help"],
    ["help", "--help"],
    ["help ping", "ping --help"],
    ["--socket help ping", "--socket help ping"],
    ["ping -h", "ping --help"],
    ["ping -c1 -i0.5", "ping -c 1 -i 0.5"],
    ["ping -c 1", "ping -c 1"],
    ["ping --count=1", "ping --count=1"],
    ["push -qp FILE /g/", "push -q -p FILE /g/"],
    ["push -- -qp /g/", "push -- -qp /g/"],
    ["push - /g", "push - /g"],
    ["--domain -h ping", "--domain -h ping"],
    ["exec ls -h", "exec -- ls -h"],
    ["exec -h", "exec --help"],
    ["exec -eA=-h -n ls -c1", "exec -e A=-h -n -- ls -c1"],
    ["exec --socket /s -- ls -qp", "exec --socket /s -- ls -qp"],
    ["--domain vm exec --env K=V ls -la", "--domain vm exec --env K=V -- ls -la"],
    ["exec help", "exec -- help"],
    ["exec", "exec"],
    ["", ""],
  ] as const
) {
  Deno.test(`normalizeArguments() turns "${given}" into "${expected}"`, () => {
    const words = given.split(" ").filter((word) => word !== "");
    assertEquals(normalizeArguments(words).join(" "), expected);
  });
}
