import { assertEquals } from "@std/assert";
import { LineFeeds } from "../../../host/ctl/line_feeds.ts";

Deno.test("LineFeeds protects a line feed unless it follows a carriage return", () => {
  const feeds = new LineFeeds();
  const protect = (text: string) =>
    new TextDecoder().decode(feeds.protect(new TextEncoder().encode(text)));
  assertEquals(protect("a\r\nb\nc"), "a\r\nb\vc");
  assertEquals(protect("\n\r"), "\v\r");
  assertEquals(protect("\n\n"), "\n\v");
  assertEquals(protect(""), "");
});
