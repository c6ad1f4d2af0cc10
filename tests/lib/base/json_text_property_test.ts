import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  base64Capacity,
  base64Length,
  encodeBase64,
  fitText,
  jsonBytes,
  parseExactly,
  utf8Bytes,
} from "../../../lib/base/json_text.ts";
import { byteLength } from "../_helpers.ts";

/** Any text, including unpaired surrogates and characters that JSON escapes. */
const text = fc.string({
  unit: fc.oneof(
    fc.nat(0xffff).map((u) => String.fromCharCode(u)),
    fc.constantFrom("\0", '"', "\\", "€", "😀"),
  ),
});

Deno.test("utf8Bytes() counts what TextEncoder writes, for any text", () => {
  fc.assert(fc.property(text, fc.nat(3000), (text, times) => {
    const long = text.repeat(times % 50);
    assertEquals(utf8Bytes(long), byteLength(long));
  }));
});

Deno.test("fitText() is the longest beginning in whole characters that fits, for any text", () => {
  // What it is given has been decoded: no half of a pair is in it.
  const wellFormed = text.map((text) => text.toWellFormed());
  fc.assert(fc.property(wellFormed, fc.nat(200), (text, room) => {
    const fitting = fitText(text, room);
    assert(text.startsWith(fitting));
    assert(jsonBytes(fitting) <= room);
    const rest = text.slice(fitting.length);
    if (rest === "") return;
    const [next = ""] = rest;
    assert(jsonBytes(fitting + next) > room, "one character more does not fit");
    assert(!/[\ud800-\udbff]$/.test(fitting) || !/^[\udc00-\udfff]/.test(rest), "no pair is cut");
  }));
});

Deno.test("base64 is that of the engine, and its lengths are as they are told, for any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), fc.nat(30), (bytes, more) => {
      const long = new Uint8Array(bytes.byteLength * 100);
      for (let at = 0; at < long.byteLength; at += bytes.byteLength) long.set(bytes, at);
      const target = new Uint8Array(base64Length(long.byteLength) + more);
      assertEquals(encodeBase64(long, target).toJSON(), long.toBase64());
      assert(base64Length(base64Capacity(bytes.byteLength)) <= bytes.byteLength);
      assert(base64Length(base64Capacity(bytes.byteLength) + 1) > bytes.byteLength);
    }),
    { numRuns: 50 },
  );
});

Deno.test("parseExactly() reads any JSON as JSON.parse() does, and writes it back the same", () => {
  fc.assert(fc.property(fc.json(), (json) => {
    const compact = JSON.stringify(JSON.parse(json));
    assertEquals(JSON.stringify(JSON.parse(JSON.stringify(parseExactly(compact)))), compact);
  }));
});
