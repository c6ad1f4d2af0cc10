/**
 * A disk that is soon full.
 *
 * @module
 */

/**
 * A namespace of its own with a tiny file system, for root and for others.
 *
 * @returns The words to put before a command line, for a directory that is to be the disk;
 * `undefined` where this is not allowed.
 */
export async function tinyDisk(
  size = "64k",
): Promise<((directory: string) => readonly string[]) | undefined> {
  const mount = `mount -t tmpfs -o size=${size} tmpfs "$0"`;
  for (const words of [["unshare", "-m"], ["unshare", "-rm"]]) {
    const directory = await Deno.makeTempDir();
    const [program = "", ...args] = words;
    try {
      const { success } = await new Deno.Command(program, {
        args: [...args, "sh", "-c", mount, directory],
        stderr: "null",
      }).output();
      if (success) return (disk) => [...words, "sh", "-c", `${mount} && exec "$@"`, disk];
    } catch {
      // No such program.
    } finally {
      await Deno.remove(directory);
    }
  }
  return undefined;
}
