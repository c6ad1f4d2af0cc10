import { assertEquals } from "@std/assert";
import { type EventType } from "../../../lib/config/events.ts";
import { defaultConfig } from "../../../lib/config/schema.ts";
import type { NewEvent } from "../../../lib/core/event_types.ts";
import { GuestWatcher } from "../../../lib/core/guest_watcher.ts";
import type { Watch } from "../../../lib/guest/watch.ts";
import { CollectingLog } from "../_helpers.ts";
import { MEMORY_FACTS } from "../guest/_memory_guest.ts";
import { until } from "../../_waiting.ts";

/** A guest that the test changes, and what a watcher records of it. */
class Watched implements AsyncDisposable {
  readonly links = new Map([["eth0", "up"]]);
  readonly failedUnits: string[] = [];
  readonly recorded: NewEvent[] = [];
  readonly log = new CollectingLog();
  sources: readonly EventType[] = defaultConfig().events.sources;
  looks = 0;
  slowLooks = 0;
  isBroken = false;
  readonly #watcher: GuestWatcher;

  constructor() {
    const watch: Watch = {
      quick: () => {
        this.looks += 1;
        if (this.isBroken) return Promise.reject(new Error("broken"));
        return Promise.resolve({ links: new Map(this.links) });
      },
      slow: () => {
        this.slowLooks += 1;
        return Promise.resolve({ failedUnits: [...this.failedUnits] });
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    this.#watcher = new GuestWatcher({
      watch,
      facts: MEMORY_FACTS,
      journal: {
        record: (event) => {
          this.recorded.push(event);
          return Promise.resolve();
        },
      },
      config: () => ({ ...defaultConfig().events, sources: [...this.sources] }),
      log: this.log,
      quickMs: 5,
    });
  }

  async looked(times = 2): Promise<void> {
    const { looks } = this;
    await until(() => this.looks >= looks + times, "the watcher to look");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watcher[Symbol.asyncDispose]();
  }
}

Deno.test("a watcher records changes, and not what was there before", async () => {
  await using watched = new Watched();
  await watched.looked();
  assertEquals(watched.recorded, []);
  watched.links.set("eth0", "down");
  await until(() => watched.recorded.length > 0, "the change");
  assertEquals(watched.recorded.map(({ event }) => event), ["network.link_changed"]);
});

Deno.test("a watcher records failed units at its slow looks, which are rare", async () => {
  await using watched = new Watched();
  watched.failedUnits.push("a.service");
  await until(() => watched.recorded.length > 0, "the failed unit");
  await until(() => watched.slowLooks >= 2, "the second slow look");
  assertEquals(watched.recorded.map(({ event }) => event), ["unit.failed"]);
  assertEquals(watched.looks >= 6, true);
});

Deno.test("a watcher asks nothing whose source is off", async () => {
  await using watched = new Watched();
  watched.sources = ["unit"];
  await until(() => watched.slowLooks >= 1, "a slow look");
  const { looks } = watched;
  watched.sources = [];
  const { slowLooks } = watched;
  assertEquals(looks, 0);
  watched.sources = ["network"];
  await watched.looked(30);
  assertEquals(watched.slowLooks - slowLooks <= 1, true);
});

Deno.test("a watcher that cannot look says so once, and goes on", async () => {
  await using watched = new Watched();
  watched.isBroken = true;
  await watched.looked(5);
  assertEquals(watched.log.lines.map(({ level }) => level), ["warn"]);
  watched.isBroken = false;
  await watched.looked();
  watched.links.set("eth1", "up");
  await until(() => watched.recorded.length > 0, "the change");
});
