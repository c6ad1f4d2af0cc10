import { assertEquals, assertThrows } from "@std/assert";
import { releaseNotes } from "../../../scripts/release/notes.ts";

const CHANGELOG = `# Changelog

Changes for people.

## Unreleased

### Guest

- New.

## 2.0.0, 2026-11-22

- Second.

## 1.0.0

- First.
`;

Deno.test("release notes have the version's section and what is unreleased, and no other", () => {
  assertEquals(
    releaseNotes(CHANGELOG, "2.0.0"),
    "# kvmmanager-agent 2.0.0\n\n## Unreleased\n\n### Guest\n\n- New.\n\n" +
      "## 2.0.0, 2026-11-22\n\n- Second.\n",
  );
});

Deno.test("a version that the changelog does not have is refused", () => {
  assertThrows(() => releaseNotes(CHANGELOG, "2.0"), Error, 'no section "## 2.0"');
});
