import { assertEquals, assertRejects } from "@std/assert";
import { findFleet, isFleetName } from "../../../host/ctl/fleets_file.ts";
import { UsageError } from "../../../lib/base/command_line.ts";
import { TempDirectory } from "../../lib/_helpers.ts";

const FLEETS = {
  prod: { url: "tls://mq1:4222,tls://mq2:4222", creds: "prod.creds", tenant: "acme" },
  lab: { url: "nats://127.0.0.1:4222", creds: "/etc/lab.creds" },
  odd: { url: "http://mq1" },
};

Deno.test("a fleet's name stands for its servers, key and tenant", async () => {
  await using directory = await TempDirectory.make();
  const files = [
    directory.at("none.json"),
    await directory.file("own.json", JSON.stringify({ lab: { url: "nats://own:4222" } })),
    await directory.file("fleets.json", JSON.stringify(FLEETS)),
  ];
  assertEquals(await findFleet("prod", files), {
    url: "tls://mq1:4222,tls://mq2:4222",
    creds: directory.at("prod.creds"),
    tenant: "acme",
  });
  // The user's own file is before the machine's.
  const own = { url: "nats://own:4222", creds: undefined, tenant: undefined };
  assertEquals(await findFleet("lab", files), own);
  assertEquals((await findFleet("lab", files.slice(2))).creds, "/etc/lab.creds");
});

Deno.test("a name that no file has, or has wrongly, is refused with the reason", async () => {
  await using directory = await TempDirectory.make();
  const good = await directory.file("fleets.json", JSON.stringify(FLEETS));
  const cases: [string, string, string][] = [
    ["test", good, "there are prod,lab,odd"],
    ["__proto__", good, "no fleet named"],
    ["odd", good, "odd.url must be nats://HOST:PORT"],
    ["prod", directory.at("none.json"), "no fleet named"],
    ["prod", await directory.file("text.json", "prod"), "is not JSON"],
    ["prod", await directory.file("list.json", "[]"), "list.json: the file:"],
    ["prod", await directory.file("more.json", '{"prod":{"url":"nats://a:1","key":"x"}}'), "prod:"],
    ["prod", directory.path, "cannot be read"],
  ];
  for (const [name, file, message] of cases) {
    await assertRejects(() => findFleet(name, [file]), UsageError, message);
  }
});

Deno.test("what has a scheme is no name", () => {
  const texts = ["prod", "dc-1.example", "nats://mq1:4222", "mq1:4222", "", "../x", "a b"];
  assertEquals(texts.filter(isFleetName), ["prod", "dc-1.example"]);
});
