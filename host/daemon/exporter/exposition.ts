/**
 * Metrics as text: OpenMetrics 1.0 and the older text format of Prometheus, which differ only in the
 * lines about a family and at the end.
 *
 * @module
 */

/** What all samples of one metric have in common. */
export interface Family {
  /** Without the suffix that the type adds: `_total` for a counter, `_info` for an info. */
  readonly name: string;
  readonly type: "gauge" | "counter" | "info";
  /** The unit, which is also the last word of the name; absent for plain numbers. */
  readonly unit?: "bytes" | "seconds";
  /** One sentence for a person. */
  readonly help: string;
}

/** The labels of a sample; an absent or empty one is left out, which means the same. */
export type Labels = Readonly<Record<string, string | undefined>>;

/** A text format. */
export type Format = "openmetrics" | "prometheus";

/** The media type of each format. */
export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
};

/** A label value is cut after this number of characters. */
const MAX_VALUE_CHARACTERS = 256;
const SUFFIXES = { gauge: "", counter: "_total", info: "_info" } as const;
const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };
/** Control characters but for the newline, which has an escape. */
// deno-lint-ignore no-control-regex -- they are what is replaced
const CONTROL_REGEXP = /[\0-\x09\x0b-\x1f\x7f]/g;

/** The format that a client prefers, from its `Accept` header. */
export const formatFor = (accept: string): Format =>
  /\bapplication\/openmetrics-text\b/i.test(accept) ? "openmetrics" : "prometheus";

/** A label's value as it is told: well-formed, without control characters, and of bounded length. */
export function labelValue(text: string): string {
  const clean = text.toWellFormed().replace(CONTROL_REGEXP, "\u{FFFD}");
  if (clean.length <= MAX_VALUE_CHARACTERS) return clean;
  // A cut may split a surrogate pair.
  return clean.slice(0, MAX_VALUE_CHARACTERS).toWellFormed();
}

/** Labels as `name="value",…`; empty if there are none. */
export function labelText(labels: Labels): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(labels)) {
    if (value === undefined || value === "") continue;
    parts.push(
      `${name}="${labelValue(value).replace(/[\\"\n]/g, (found) => ESCAPES[found] ?? "")}"`,
    );
  }
  return parts.join(",");
}

/** The name of a family's samples. */
export const sampleName = ({ name, type }: Family): string => name + SUFFIXES[type];

/** A sample as one line, newline included. @param labels From {@link labelText}. */
export const sampleLine = (family: Family, labels: string, value: number): string =>
  `${sampleName(family)}${labels === "" ? "" : `{${labels}}`} ${numberText(value)}\n`;

/** The lines before the samples of a family. */
export function familyHead(family: Family, format: Format): string {
  const { name, type, unit, help } = family;
  const escaped = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  if (format === "prometheus") {
    const ofSamples = sampleName(family);
    // The older format has no type for an info.
    const known = type === "info" ? "gauge" : type;
    return `# HELP ${ofSamples} ${escaped}\n# TYPE ${ofSamples} ${known}\n`;
  }
  const unitLine = unit === undefined ? "" : `# UNIT ${name} ${unit}\n`;
  return `# TYPE ${name} ${type}\n${unitLine}# HELP ${name} ${escaped.replaceAll('"', '\\"')}\n`;
}

/** The text after the last family. */
export const pageEnd = (format: Format): string => format === "openmetrics" ? "# EOF\n" : "";

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
