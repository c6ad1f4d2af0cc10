import { assertEquals } from "@std/assert";
import { isSigned, sumOf } from "../../../../lib/privileged/updates/release_signature.ts";

const SUM = "ab".repeat(32);
const SUMS = `${"cd".repeat(32)}  install.sh\n${SUM}  kvmmanager-agent_1.1.0_amd64.deb\n`;

/** The bytes of hexadecimal digits in base64. */
const base64 = (hex: string) => Uint8Array.fromHex(hex).toBase64();

Deno.test("the signature of RFC 8032's second test is right, and for nothing else", async () => {
  const key = base64(
    "302a300506032b6570032100" +
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
  );
  const signature = base64(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  );
  assertEquals(await isSigned(key, "r", signature), true);
  assertEquals(await isSigned(key, "s", signature), false);
  assertEquals(await isSigned(key, "r", base64("00".repeat(64))), false);
});

Deno.test("a sum is found by the whole name of its file", () => {
  assertEquals(sumOf(SUMS, "kvmmanager-agent_1.1.0_amd64.deb"), SUM);
  assertEquals(sumOf(SUMS, "kvmmanager-agent_1.1.0_amd64"), undefined);
  assertEquals(sumOf(SUMS, ".1.0_amd64.deb"), undefined);
  assertEquals(sumOf("", "install.sh"), undefined);
});
