import { assert, assertEquals, assertRejects } from "@std/assert";
import { RpcError } from "../../../../lib/base/errors.ts";
import { agentUpdateAsRoot } from "../../../../lib/privileged/updates/agent_update.ts";
import { INVALID_PARAMS, NOT_FOUND, PERMISSION_DENIED } from "../../../_error_codes.ts";
import { ScriptedRoot } from "../_scripted_root.ts";

const NAME = "kvmmanager-agent_1.1.0_amd64.deb";
const PATH = `/tmp/kvmmanager/${NAME}`;
const SUM = "ab".repeat(32);
const SUMS = `${SUM}  ${NAME}\n`;

/** A new key, and its signature of SUMS. */
async function signed(): Promise<{ update_key: string; signature: string }> {
  const keys = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  assert("publicKey" in keys);
  const text = new TextEncoder().encode(SUMS);
  const signature = await crypto.subtle.sign("Ed25519", keys.privateKey, text);
  return {
    update_key: new Uint8Array(await crypto.subtle.exportKey("spki", keys.publicKey)).toBase64(),
    signature: new Uint8Array(signature).toBase64(),
  };
}

const refused = (params: Readonly<Record<string, unknown>>, root: ScriptedRoot) =>
  assertRejects(async () => await agentUpdateAsRoot.prepare(params).run(root), RpcError);

Deno.test("a package that the key has signed is passed on with its sum", async () => {
  const { update_key, signature } = await signed();
  const root = new ScriptedRoot(() => ({ code: 3 }), { update_key });
  const params = { path: PATH, sums: SUMS, signature };
  assertEquals(await agentUpdateAsRoot.prepare(params).run(root), { exit_code: 3 });
  assertEquals(root.commandLines, [
    `/usr/lib/kvmmanager-agent/update ${PATH} ${SUM}`,
  ]);
  await agentUpdateAsRoot.prepare({ ...params, downgrade: true }).run(root);
  assertEquals(root.commandLines.at(-1)?.endsWith(` ${SUM} --downgrade`), true);
});

Deno.test("without a key in the configuration nothing is updated", async () => {
  const { signature } = await signed();
  const root = new ScriptedRoot();
  const error = await refused({ path: PATH, sums: SUMS, signature }, root);
  assertEquals([error.code, error.data.key], [PERMISSION_DENIED, "security.update_key"]);
  assertEquals(root.runs, []);
});

Deno.test("sums that another key has signed, or that were changed, are refused", async () => {
  const { update_key, signature } = await signed();
  const other = await signed();
  const root = new ScriptedRoot(undefined, { update_key });
  for (
    const params of [
      { path: PATH, sums: SUMS, signature: other.signature },
      { path: PATH, sums: `${SUMS}${SUM}  more\n`, signature },
    ]
  ) assertEquals((await refused(params, root)).code, PERMISSION_DENIED);
  assertEquals(root.runs, []);
});

Deno.test("a file that the sums do not list is refused", async () => {
  const { update_key, signature } = await signed();
  const root = new ScriptedRoot(undefined, { update_key });
  const path = "/tmp/kvmmanager-agent_2.0.0_amd64.deb";
  assertEquals((await refused({ path, sums: SUMS, signature }, root)).code, NOT_FOUND);
  assertEquals(root.runs, []);
});

Deno.test("paths that are no packages, and signatures that are none, are refused", async () => {
  const { signature } = await signed();
  const root = new ScriptedRoot();
  for (
    const params of [
      { path: "/tmp/other.deb" },
      { path: "kvmmanager-agent_1.deb" },
      { path: "/tmp/kvmmanager-agent_$(reboot).deb" },
      { path: "/tmp/kvmmanager-agent_1.deb/" },
      { signature: "" },
      { signature: signature.slice(4) },
      { sums: "x".repeat(20_000) },
    ]
  ) {
    const wrong = { path: PATH, sums: SUMS, signature, ...params };
    assertEquals((await refused(wrong, root)).code, INVALID_PARAMS, JSON.stringify(params));
  }
});
