import { assert, assertEquals } from "@std/assert";
import { sleep, Timer } from "../../../lib/base/timer.ts";

const firing = (milliseconds: number, fired: string[], name: string) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = new Timer(milliseconds, () => {
    fired.push(name);
    resolve();
  });
  return { timer, promise };
};

Deno.test("timers fire in the order in which they are due, whenever they were started", async () => {
  const fired: string[] = [];
  const last = firing(60, fired, "last");
  const first = firing(5, fired, "first");
  const second = firing(30, fired, "second");
  await Promise.all([last.promise, first.promise, second.promise]);
  assertEquals(fired, ["first", "second", "last"]);
});

Deno.test("a timer is never early", async () => {
  for (const milliseconds of [0, 0.5, 1, 7, 20]) {
    const start = performance.now();
    await sleep(milliseconds);
    assert(performance.now() - start >= milliseconds);
  }
});

Deno.test("a timer that lasts longer than one wake-up fires when it is due", async () => {
  const start = performance.now();
  await sleep(1100);
  assert(performance.now() - start >= 1100);
});

Deno.test("a stopped timer does not fire, and later ones do", async () => {
  const fired: string[] = [];
  const stopped = firing(1, fired, "stopped");
  const disposed = firing(1, fired, "disposed");
  const kept = firing(10, fired, "kept");
  stopped.timer.stop();
  stopped.timer.stop();
  disposed.timer[Symbol.dispose]();
  await kept.promise;
  assertEquals(fired, ["kept"]);
});

Deno.test("a timer may stop one that is due at the same moment", async () => {
  const fired: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const timers: Timer[] = [];
  for (const name of ["one", "other"]) {
    timers.push(
      new Timer(5, () => {
        fired.push(name);
        for (const timer of timers) timer.stop();
        resolve();
      }),
    );
  }
  // Both are due by now, and neither has fired, since nothing was awaited.
  for (const start = performance.now(); performance.now() - start < 6;);
  await promise;
  await sleep(10);
  assertEquals(fired, ["one"]);
});

Deno.test("a function that throws is reported, and the other timers fire", async () => {
  const reported: unknown[] = [];
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    reported.push(event.error);
  };
  addEventListener("error", onError);
  try {
    const fired: string[] = [];
    const error = new Error("thrown by a timer");
    new Timer(1, () => {
      throw error;
    });
    await firing(1, fired, "other").promise;
    assertEquals(fired, ["other"]);
    assertEquals(reported, [error]);
  } finally {
    removeEventListener("error", onError);
  }
});

Deno.test("a timer started while another fires has its own time", async () => {
  const fired: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  new Timer(5, () => {
    fired.push("outer");
    new Timer(5, () => {
      fired.push("inner");
      resolve();
    });
  });
  await promise;
  assertEquals(fired, ["outer", "inner"]);
});

Deno.test("a timer that may be late shares the wake-up of the next one", async () => {
  const { timeout } = AbortSignal;
  let wakeUps = 0;
  AbortSignal.timeout = (milliseconds) => {
    wakeUps += 1;
    return timeout.call(AbortSignal, milliseconds);
  };
  try {
    const { promise, resolve } = Promise.withResolvers<number>();
    new Timer(1, () => {
      wakeUps = 0;
      new Timer(5, () => resolve(performance.now()), { slackMs: 60_000 });
      new Timer(40, () => {});
    });
    await promise;
    assertEquals(wakeUps, 1);
  } finally {
    AbortSignal.timeout = timeout;
  }
});

Deno.test("a timer that may be late fires in time if no other one follows", async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  const start = performance.now();
  new Timer(1, () => void new Timer(20, () => resolve(performance.now()), { slackMs: 60_000 }));
  const took = await promise - start;
  assert(took >= 20 && took < 30_000, `${took} ms`);
});
