import { assertEquals, assertStringIncludes } from "@std/assert";
import { problemOfUrl } from "../../../host/fleet/url.ts";

for (const url of ["nats://mq1:4222", "tls://mq1:4222", "nats://[::1]:4222,nats://mq2:4222"]) {
  Deno.test(`${url} names servers`, () => assertEquals(problemOfUrl(url), undefined));
}

for (
  const url of [
    "",
    "mq1",
    "http://mq1",
    "nats://",
    "nats://me:secret@mq1:4222",
    "nats://a,b",
    "nats://mq1:99999",
  ]
) {
  Deno.test(`"${url}" is refused`, () => {
    assertStringIncludes(problemOfUrl(url) ?? "", "must be nats://HOST:PORT");
  });
}
