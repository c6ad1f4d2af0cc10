import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { bundledLibraries, contentsDocument, RUNTIME } from "../../../scripts/release/contents.ts";
import { ROOT, runDeno } from "../../_deno.ts";

const Document = z.looseObject({
  packages: z.array(z.looseObject({ SPDXID: z.string(), licenseDeclared: z.string() })),
  files: z.array(z.looseObject({ SPDXID: z.string(), fileName: z.string() })),
  relationships: z.array(z.looseObject({ relatedSpdxElement: z.string() })),
});

Deno.test("the list of contents names the bundled libraries with their licences", async () => {
  const { stdout } = await runDeno([
    "info",
    "--json",
    `--config=${ROOT}deno.json`,
    `${ROOT}main.ts`,
  ]);
  const libraries = await bundledLibraries(stdout);
  assertEquals(
    libraries.map(({ name, license }) => [name, license]).sort(),
    [["deno-std", "MIT"], ["zod", "MIT"]],
  );
});

Deno.test("each relation of the document leads to something in it", () => {
  const text = contentsDocument([{ name: "a_b.deb", sha256: "0".repeat(64) }], RUNTIME, 0);
  const document = z.parse(Document, JSON.parse(text));
  const ids = [...document.packages, ...document.files].map(({ SPDXID }) => SPDXID);
  for (const { relatedSpdxElement } of document.relationships) {
    assert(ids.includes(relatedSpdxElement), relatedSpdxElement);
  }
  for (const id of ids) assert(/^SPDXRef-[A-Za-z0-9.-]+$/.test(id), id);
  assertEquals(text, contentsDocument([{ name: "a_b.deb", sha256: "0".repeat(64) }], RUNTIME, 0));
});
