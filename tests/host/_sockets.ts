/**
 * Sockets without a server.
 *
 * @module
 */

/** Creates a socket that outlives this call, like that of a crashed VM. */
export async function socketAt(path: string): Promise<void> {
  // A socket's path has at most 107 bytes (unix(7)); a rename has no such limit.
  const short = await Deno.makeTempDir({ prefix: "s" });
  const listener = Deno.listen({ transport: "unix", path: `${short}/s` });
  await Deno.rename(`${short}/s`, path);
  listener.close();
  await Deno.remove(short);
}
