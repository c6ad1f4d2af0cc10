import { assertEquals } from "@std/assert";
import { olderFiles, sharedBeginning } from "../../../../../lib/platform/linux/logs/generations.ts";

const namesOf = (base: string, names: readonly string[]) =>
  olderFiles(base, filesOf(names)).map(({ name }) => name);

/** Files that were all modified at the same time. */
const filesOf = (names: readonly string[]) => names.map((name) => ({ name, modifiedAt: 0 }));

Deno.test("olderFiles puts numbered files in order of age, whatever compressed them", () => {
  const names = [
    "syslog",
    "syslog.1",
    "syslog.10.gz",
    "syslog.2.gz",
    "syslog.3.xz",
    "syslog.4.zst",
  ];
  assertEquals(namesOf("syslog", names), [
    "syslog.10.gz",
    "syslog.4.zst",
    "syslog.3.xz",
    "syslog.2.gz",
    "syslog.1",
  ]);
  assertEquals(olderFiles("syslog", filesOf(["syslog.1", "syslog.2.gz"])), [
    { name: "syslog.2.gz", unpacker: "gzip" },
    { name: "syslog.1", unpacker: undefined },
  ]);
});

Deno.test("olderFiles puts dated files in order of their dates", () => {
  const names = ["app.log-20240131.gz", "app.log-20240202", "app.log-20240201", "app.log"];
  assertEquals(namesOf("app.log", names), names.slice(0, 1).concat(names[2] ?? "", names[1] ?? ""));
  const hourly = ["a-2024-01-02-10", "a-2024-01-02-09", "a-2024-01-01-23.bz2"];
  assertEquals(namesOf("a", hourly), [hourly[2] ?? "", hourly[1] ?? "", hourly[0] ?? ""]);
});

Deno.test("olderFiles puts the scheme last that the rotations use now", () => {
  const files = [
    { name: "a.1", modifiedAt: 3 },
    { name: "a.2", modifiedAt: 1 },
    { name: "a-20240101", modifiedAt: 2 },
    { name: "a-20240102", modifiedAt: 4 },
  ];
  const namesAt = (first: number) =>
    olderFiles("a", files.map((file, n) => n === 0 ? { ...file, modifiedAt: first } : file))
      .map(({ name }) => name);
  assertEquals(namesAt(3), ["a.2", "a.1", "a-20240101", "a-20240102"]);
  assertEquals(namesAt(5), ["a-20240101", "a-20240102", "a.2", "a.1"]);
});

Deno.test("olderFiles knows suffixes before the extension, and .old", () => {
  assertEquals(namesOf("app.log", ["app.1.log", "app.2.log.gz", "app-20240101.log"]), [
    "app-20240101.log",
    "app.2.log.gz",
    "app.1.log",
  ]);
  assertEquals(namesOf("Xorg.0.log", ["Xorg.0.log.old", "Xorg.1.log"]), ["Xorg.0.log.old"]);
});

Deno.test("olderFiles takes the uncompressed file while it is being compressed", () => {
  assertEquals(namesOf("a", ["a.1.gz", "a.1"]), ["a.1"]);
  assertEquals(namesOf("a", ["a.1", "a.1.gz"]), ["a.1"]);
});

Deno.test("olderFiles leaves other logs alone", () => {
  const others = ["app", "app.log.d", "app.logs", "app.log.bak", "app.log.1.tmp", "other.log.1"];
  assertEquals(namesOf("app.log", others), []);
  assertEquals(namesOf("mail", ["mail.err.1", "mail.log.1"]), []);
});

Deno.test("sharedBeginning is before the extension, which may come after the number", () => {
  assertEquals(["app.log", "syslog", ".hidden"].map(sharedBeginning), ["app", "syslog", ".hidden"]);
});
