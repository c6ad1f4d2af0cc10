import { assertEquals } from "@std/assert";
import * as z from "zod";
import { logList } from "../../../handlers/logs/log_list.ts";
import { Served } from "../_served.ts";

const Result = z.looseObject({
  files: z.array(z.looseObject({ path: z.string(), size_bytes: z.int() })),
  partial: z.optional(z.literal(true)),
});

Deno.test("log_list lists the logs below the allowed paths", async () => {
  await using served = await Served.start(logList);
  await Deno.writeTextFile(`${served.files}/app.log`, "one\n");
  const { files, partial } = await served.call({}, Result);
  const [file] = files;
  assertEquals([files.length, file?.path, file?.size_bytes, partial], [
    1,
    `${served.files}/app.log`,
    4,
    undefined,
  ]);
});

Deno.test("log_list lists no files while the group file-read is off", async () => {
  await using served = await Served.start(logList, {
    config: () => ({ security: { allow: ["see"] } }),
  });
  await Deno.writeTextFile(`${served.files}/app.log`, "one\n");
  assertEquals((await served.call({}, Result)).files, []);
});

Deno.test("log_list fits any number of logs into one message, and says that there are more", async () => {
  await using served = await Served.start(logList, { config: () => ({ max_message_size_kb: 2 }) });
  for (let i = 0; i < 50; i++) await Deno.writeTextFile(`${served.files}/application-${i}.log`, "");
  const { files, partial } = await served.call({}, Result);
  assertEquals([files.length > 2, files.length < 50, partial], [true, true, true]);
});
