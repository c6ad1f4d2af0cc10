/**
 * Whether two agents have given the same answers.
 *
 * @module
 */

import type { Answer } from "./_peer.ts";
import type { RequestEntry } from "./_requests.ts";

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whatever the order of members. */
const equal = (one: unknown, other: unknown) => canonical(one) === canonical(other);

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? "absent";
  const members = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
  return `{${
    members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join()
  }}`;
}

const classOf = ({ value }: Answer): unknown =>
  isObject(value) && isObject(value.error) ? value.error.class : undefined;

/** The first difference, in words; `undefined` if there is none that counts. */
export function differenceOf(
  { class: how }: RequestEntry,
  expected: readonly Answer[],
  actual: readonly Answer[],
): string | undefined {
  const difference = how === "exact"
    ? exactDifference(expected, actual)
    : how === "shape"
    ? firstDifference(expected, actual, shapeDifference)
    : firstDifference(expected, actual, classDifference);
  return difference &&
    `${difference}: ${shown(expected)} became ${shown(actual)}`;
}

const shown = (answers: readonly Answer[]) =>
  answers.map(({ value }) => JSON.stringify(value).slice(0, 300)).join(" ");

function firstDifference(
  [expected]: readonly Answer[],
  [actual]: readonly Answer[],
  compare: (expected: Answer, actual: Answer) => string | undefined,
): string | undefined {
  if (expected === undefined || actual === undefined) {
    return expected === actual ? undefined : "one did not answer";
  }
  return compare(expected, actual);
}

function exactDifference(
  expected: readonly Answer[],
  actual: readonly Answer[],
): string | undefined {
  if (expected.length !== actual.length) return "another number of lines";
  for (const [index, one] of expected.entries()) {
    const other = actual[index];
    if (other === undefined) return "a line is missing";
    if (one.isDelimited !== other.isDelimited) return "0xFF at another place";
    const isError = classOf(one) !== undefined || classOf(other) !== undefined;
    const difference = isError ? errorDifference(one, other) : valueDifference(one, other);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

const valueDifference = (one: Answer, other: Answer) =>
  equal(one.value, other.value) ? undefined : "another result";

function errorDifference(one: Answer, other: Answer): string | undefined {
  return classDifference(one, other) ??
    (equal(Object(one.value).id, Object(other.value).id) ? undefined : "another id");
}

const classDifference = (one: Answer, other: Answer) =>
  classOf(one) === classOf(other) ? undefined : "another class of error";

function shapeDifference(one: Answer, other: Answer): string | undefined {
  return classDifference(one, other) ??
    shapeOf(Object(one.value).return, Object(other.value).return, "return");
}

/** Members of the schema that may be absent: they depend on the moment or on the version. */
const OPTIONAL = new Set([
  "hardware-address",
  "ip-addresses",
  "statistics",
  "zone",
  "address",
  "total-bytes-privileged",
]);

function shapeOf(one: unknown, other: unknown, name: string): string | undefined {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === 0 || other.length === 0
      ? undefined
      : shapeOf(one[0], other[0], `${name}[0]`);
  }
  if (isObject(one) && isObject(other)) {
    for (const member of new Set([...Object.keys(one), ...Object.keys(other)])) {
      if (OPTIONAL.has(member)) continue;
      if (!(member in one) || !(member in other)) return `${name}.${member} is only in one`;
      const difference = shapeOf(one[member], other[member], `${name}.${member}`);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  return typeof one === typeof other ? undefined : `${name} has another type`;
}
