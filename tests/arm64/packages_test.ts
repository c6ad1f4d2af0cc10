/**
 * The packages for arm64, as `deno task package:…` builds them: what they are for, what is in them, and
 * that their program starts.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { VERSION } from "../../lib/base/version.ts";
import { ARCHITECTURES, findLibrary, LIBRARY } from "../../scripts/package/program.ts";
import { runTool } from "../../scripts/vm/tools.ts";
import { PACKAGES, RUNTIME } from "./_packages.ts";

async function assertSame(path: string, other: string): Promise<void> {
  const { success } = await new Deno.Command("cmp", { args: ["--silent", path, other] }).output();
  assert(success, `${path} is not ${other}`);
}

for (
  const { format, file, architecture, runtime } of [
    {
      format: "deb",
      file: `kvmmanager-agent_${VERSION}_arm64.deb`,
      architecture: (path: string) => runTool("dpkg-deb", ["--field", path, "Architecture"]),
      runtime: "kvmmanager-agent",
    },
    {
      format: "rpm",
      file: `kvmmanager-agent-${VERSION}-1.aarch64.rpm`,
      architecture: (path: string) =>
        runTool("rpm", ["--query", "--package", "--queryformat", "%{ARCH}", path]),
      runtime: "kvmmanager-agent",
    },
    {
      format: "tar",
      file: `kvmmanager-agent-${VERSION}-linux-arm64.tar.xz`,
      architecture: (path: string) =>
        runTool("tar", ["--to-stdout", "-xf", path, `kvmmanager-agent-${VERSION}/machine`]),
      runtime: "deno",
    },
  ] as const
) {
  Deno.test(`the ${format} is for arm64, holds its runtime unchanged, and starts`, async () => {
    const expected = format === "deb" ? "arm64" : "aarch64";
    assertEquals((await architecture(`${PACKAGES}/packages/${file}`)).trim(), expected);
    const library = `${PACKAGES}/${format}${LIBRARY}`;
    await assertSame(`${library}/${runtime}`, RUNTIME);
    if (format === "tar") {
      await assertSame(`${library}/kvmmanager-agent`, await findLibrary("arm64", "loader"));
      assert(ARCHITECTURES.arm64.loader.includes("aarch64"));
    }
    const program = `${PACKAGES}/${format}/usr/bin/kvmmanager-agent`;
    const printed = await runTool(program, ["--version"], {
      env: {
        DENO_DIR: `${PACKAGES}/${format}/cache`,
        // Known, so the runtime starts once.
        KVMMANAGER_AGENT_FLAGS: "--no-prompt",
      },
    });
    assertEquals(printed, `kvmmanager-agent ${VERSION}\n`);
  });
}
