import { assert, assertEquals, assertRejects } from "@std/assert";
import { UsageError } from "../../../lib/base/command_line.ts";
import { isSigned } from "../../../lib/privileged/updates/release_signature.ts";
import { sign } from "../../../scripts/release/sign.ts";

Deno.test("what is signed with a private key in PEM is verified by its public key", async () => {
  const keys = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  assert("publicKey" in keys);
  const der = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  const pem = `-----BEGIN PRIVATE KEY-----\n${der.toBase64()}\n-----END PRIVATE KEY-----\n`;
  const signature = await sign(pem, new TextEncoder().encode("sums\n"));
  const key = new Uint8Array(await crypto.subtle.exportKey("spki", keys.publicKey)).toBase64();
  assertEquals(await isSigned(key, "sums\n", signature.toBase64()), true);
});

Deno.test("anything else than such a key is refused", async () => {
  for (
    const text of ["", "secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
  ) {
    await assertRejects(() => sign(text, new Uint8Array(0)), UsageError, "openssl genpkey");
  }
});
