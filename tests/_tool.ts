import { assert } from "@std/assert";

/** What a program of this machine prints, trimmed; it must succeed. */
export async function tool(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    env: { LC_ALL: "C" },
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert(success, `${program} ${args.join(" ")}: ${decode(stderr)}`);
  return decode(stdout).trim();
}
