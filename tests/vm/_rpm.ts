/**
 * What lets rpm install packages in Debian, whose rpm knows nothing of what is there.
 *
 * @module
 */

import { fail } from "@std/assert";
import { AGENT } from "../../scripts/package/agent.ts";
import { runTool } from "../../scripts/vm/tools.ts";

/** For /etc/popt: Debian's rpm installs nothing unless it is told that this is meant. */
export const POPT = `rpm alias --install --install --force-debian
rpm alias --upgrade --upgrade --force-debian
`;

/** Builds an rpm without files that provides what the agent's rpm requires. */
export async function buildProvider(directory: string): Promise<string> {
  const { requires } = AGENT.rpm ?? fail("the agent has an rpm");
  const spec = `${directory}/provider.spec`;
  await Deno.writeTextFile(
    spec,
    `Name: debian
Version: 1
Release: 1
Summary: what Debian has
License: MIT
BuildArch: noarch
${["/bin/sh", ...requires].map((name) => `Provides: ${name}\n`).join("")}
%description
What Debian has.

%files
`,
  );
  const settings = { _topdir: directory, _rpmdir: directory, _rpmfilename: "provider.rpm" };
  await runTool("rpmbuild", [
    ...["-bb", "--quiet"],
    ...Object.entries(settings).flatMap(([name, value]) => ["--define", `${name} ${value}`]),
    spec,
  ]);
  return `${directory}/provider.rpm`;
}
