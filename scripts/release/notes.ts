/**
 * Release notes: a version's section of CHANGELOG.md.
 *
 * @module
 */

/**
 * The notes for a version; before it is released, its changes are under "Unreleased" too.
 *
 * @param changelog The text of CHANGELOG.md.
 * @throws {Error} when no section is about the version.
 */
export function releaseNotes(changelog: string, version: string): string {
  const sections = changelog.split(/^(?=## )/m).filter((text) => text.startsWith("## "));
  const own = sections.filter((text) => {
    const [heading = ""] = text.slice(3).split(/[\s,]/, 1);
    return heading === version || heading === "Unreleased";
  });
  if (!own.some((text) => text.slice(3).startsWith(version))) {
    throw new Error(`CHANGELOG.md has no section "## ${version}"`);
  }
  return `# kvmmanager-agent ${version}\n\n${own.join("").trim()}\n`;
}
