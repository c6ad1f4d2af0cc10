import { assertEquals } from "@std/assert";
import { type Family, sampleName } from "../../host/daemon/exporter/exposition.ts";
import { GUEST_FAMILIES } from "../../host/daemon/exporter/families.ts";
import { HOST_FAMILIES } from "../../host/daemon/exporter/page.ts";
import { readPage } from "./_markdown.ts";

Deno.test("docs/metrics.md lists every metric with its type and its help", async () => {
  const { text } = await readPage("docs/metrics.md");
  const listed = text.split("\n").filter((line) => line.startsWith("| `kvmmanager_"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  const told = [...Object.values<Family>(HOST_FAMILIES), ...GUEST_FAMILIES].map((family) => [
    `\`${sampleName(family)}\``,
    family.type,
    family.help,
  ]);
  assertEquals(listed, told);
});
