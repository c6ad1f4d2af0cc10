/**
 * The same sources make the same packages, whoever builds them, when and where. A few bytes take the
 * runtime's place, so that this takes seconds.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { requireTools, runTool } from "../../scripts/vm/tools.ts";
import { ROOT } from "../_deno.ts";
import { SOURCES } from "./_later_versions.ts";

interface Builder {
  readonly umask: string;
  readonly zone: string;
}

/** Builds all packages in a fresh folder; the sums of their files. */
async function build({ umask, zone }: Builder): Promise<string[]> {
  const directory = await Deno.makeTempDir({ prefix: `kvmmanager-build-${umask}-` });
  try {
    const script = `umask ${umask}
      mkdir out src && cp -R ${SOURCES.map((name) => `${ROOT}${name}`).join(" ")} src && cd src
      echo runtime >../runtime
      "$DENO" bundle --quiet --minify --output dist/agent.js main.ts
      "$DENO" bundle --quiet --minify --output dist/broker.js main_broker.ts
      for format in deb rpm tar; do
        "$DENO" run -A scripts/package.ts $format --arch amd64 --quick --runtime ../runtime \\
          --directory ../out
      done
      cd ../out && sha256sum *`;
    const printed = await runTool("sh", ["-e", "-c", script], {
      cwd: directory,
      env: { SOURCE_DATE_EPOCH: "1700000000", TZ: zone, DENO: Deno.execPath() },
    });
    return printed.split("\n").filter((line) => /^[0-9a-f]{64} /.test(line));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("two builds in different folders, at different times, give the same bytes", async () => {
  await requireTools(["dpkg-deb", "rpmbuild", "tar", "xz"]);
  const first = await build({ umask: "022", zone: "UTC" });
  assertEquals(first.length, 3);
  assert(first.some((line) => line.endsWith(".rpm")), first.join("\n"));
  assertEquals(await build({ umask: "077", zone: "Asia/Tokyo" }), first);
});
