import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { readWebConfig, WebConfigError } from "../../../../host/daemon/exporter/web_config.ts";
import { TempDirectory } from "../../../lib/_helpers.ts";

const TOKEN = "0123456789abcdef";

Deno.test("files of a web configuration are relative to it", async () => {
  await using directory = await TempDirectory.make();
  await directory.file("token", `${TOKEN}\n`);
  await directory.file("crt", "certificate");
  await directory.file("key", "key");
  const path = await directory.file(
    "web.yml",
    "# who may scrape\ntls_server_config:\n  cert_file: crt\n" +
      `  key_file: ${directory.at("key")}\nauthorization:\n  credentials_file: token\n`,
  );
  assertEquals(await readWebConfig(path), {
    tls: { cert: "certificate", key: "key" },
    token: TOKEN,
  });
});

Deno.test("an empty web configuration asks for nothing", async () => {
  await using directory = await TempDirectory.make();
  assertEquals(await readWebConfig(await directory.file("web.yml", "# nothing yet\n")), {});
});

for (
  const [what, text, words] of [
    ["is not YAML", "a: [", "is not YAML"],
    ["has an unknown member", "tls: {}", '(did you mean "tls_server_config"?)'],
    [
      "names one of two TLS files",
      "tls_server_config: {cert_file: a}",
      "tls_server_config.key_file",
    ],
    ["has users of basic authentication", "basic_auth_users: {a: b}", "use"],
    ["names a file that is missing", "authorization: {credentials_file: gone}", "which"],
    ["names a token that is short", "authorization: {credentials_file: short}", "at least 16"],
    ["names a file that is no token", "authorization: {credentials_file: text}", "one token"],
  ] as const
) {
  Deno.test(`a web configuration that ${what} is refused`, async () => {
    await using directory = await TempDirectory.make();
    await directory.file("short", "secret");
    await directory.file("text", "two words and more of them");
    const path = await directory.file("web.yml", text);
    const { message } = await assertRejects(() => readWebConfig(path), WebConfigError);
    assertStringIncludes(message, path);
    assertStringIncludes(message, words === "use" ? "authorization.credentials_file" : words);
    assertEquals(message.includes("secret"), false, "a secret is not repeated");
  });
}
