/**
 * Sockets that nobody serves.
 *
 * @module
 */

/** Makes a socket that outlives this call, as that of a VM which has crashed. */
export async function socketAt(path: string): Promise<void> {
  // A path of a socket has 107 bytes at most (unix(7)); a rename has no such limit.
  const short = await Deno.makeTempDir({ prefix: "s" });
  const listener = Deno.listen({ transport: "unix", path: `${short}/s` });
  await Deno.rename(`${short}/s`, path);
  listener.close();
  await Deno.remove(short);
}
