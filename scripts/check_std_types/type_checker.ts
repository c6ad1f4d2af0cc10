/**
 * The type checker, run on snippets of TypeScript.
 *
 * @module
 */

/** The setup for checking snippets. */
export interface CheckOptions {
  /** The import map. */
  readonly imports: Readonly<Record<string, string>>;
  /** The text of the declarations that are in force. */
  readonly declarations: string;
}

// Keeps escape sequences out of what is parsed.
const ENVIRONMENT = { NO_COLOR: "1" };

/**
 * Checks snippets in a separate directory outside the project, with the project's strictness.
 *
 * @returns For each snippet whether the type checker accepts it.
 * @throws {Error} if the type checker fails for another reason.
 */
export async function accepts(
  snippets: readonly string[],
  { imports, declarations }: CheckOptions,
): Promise<boolean[]> {
  const directory = await Deno.makeTempDir({ prefix: "kvmmanager-types-" });
  const write = (name: string, text: string) => Deno.writeTextFile(`${directory}/${name}`, text);
  try {
    const compilerOptions = {
      strict: true,
      lib: ["deno.window", "esnext"],
      types: ["./declarations.d.ts"],
    };
    await write("deno.json", JSON.stringify({ imports, compilerOptions }));
    await write("declarations.d.ts", declarations);
    await Promise.all(snippets.map((text, index) => write(`snippet${index}.ts`, text)));
    const refused = await refusedBy(directory, snippets.map((_, index) => `snippet${index}.ts`));
    return snippets.map((_, index) => !refused.has(index));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** The numbers of the snippets in which there are errors. */
async function refusedBy(directory: string, files: readonly string[]): Promise<Set<number>> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--no-lock", "--config=deno.json", ...files],
    cwd: directory,
    env: ENVIRONMENT,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  const report = new TextDecoder().decode(stderr);
  const refused = new Set(
    report.matchAll(/ at file:\S*\/snippet(\d+)\.ts:\d+/g).map(([, index]) => Number(index)),
  );
  if (!success && refused.size === 0) throw new Error(`deno check failed: ${report}`);
  return refused;
}
