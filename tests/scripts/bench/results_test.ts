import { assertEquals } from "@std/assert";
import type { Limit, Row } from "../../../scripts/bench/measure.ts";
import { summarize } from "../../../scripts/bench/results.ts";

const row = (limit?: Limit): Row => ({ label: "x", unit: "µs", limit });

const resultOf = (limit: Limit | undefined, agent: readonly number[], qemuGa: readonly number[]) =>
  summarize({ rows: [row(limit)] }, {
    agent: agent.map((x) => ({ x })),
    qemuGa: qemuGa.map((x) => ({ x })),
  })[0];

Deno.test("summarize() takes the median of the rounds and its ratio", () => {
  const result = resultOf(undefined, [3, 1, 2], [4, 4, 100]);
  assertEquals([result?.agent, result?.qemuGa, result?.ratio, result?.ok], [2, 4, 0.5, undefined]);
});

for (
  const [limit, agent, qemuGa, ok] of [
    [{ kind: "ratio at most", factor: 2 }, [2], [1], true],
    [{ kind: "ratio at most", factor: 2 }, [2.1], [1], false],
    [{ kind: "ratio at least", factor: 2 }, [2], [1], true],
    [{ kind: "ratio at least", factor: 2 }, [1.9], [1], false],
    [{ kind: "at most", value: 5 }, [5], [], true],
    [{ kind: "under", value: 5 }, [5], [], false],
    [{ kind: "at most", value: 5 }, [], [1], false],
    [{ kind: "ratio at most", factor: 2 }, [1], [], false],
  ] as const
) {
  const numbers = `${agent.join()} beside ${qemuGa.join()}`;
  Deno.test(`summarize() says ${ok} for ${JSON.stringify(limit)} and ${numbers}`, () => {
    assertEquals(resultOf(limit, agent, qemuGa)?.ok, ok);
  });
}

for (const [disturbed, isDisturbed] of [[0, false], [1, false], [2, true], [3, true]] as const) {
  Deno.test(`summarize() marks a row with ${disturbed} of 3 rounds disturbed: ${isDisturbed}`, () => {
    const readings = [{ x: 1 }, { x: 2 }, { x: 3 }];
    const [result] = summarize({ rows: [row()] }, { agent: readings, qemuGa: readings, disturbed });
    assertEquals(result?.isDisturbed, isDisturbed);
  });
}
