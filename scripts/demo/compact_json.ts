/**
 * JSON for people: on one line if it fits, otherwise wrapped like a paragraph.
 *
 * @module
 */

/** Elements of an array to show; the rest are only counted. */
const MAX_SHOWN_MEMBERS = 12;
/** The same for arrays of objects. */
const MAX_SHOWN_OBJECTS = 2;
const MAX_SHOWN_CHARACTERS = 240;

/**
 * Formats a JSON value.
 *
 * @param column The column the value starts at; the following lines are indented to it.
 * @param width The column to wrap at. A value too long for a line is not broken.
 */
export function compactJson(value: unknown, column: number, width: number): string {
  if (typeof value === "string") return JSON.stringify(cut(value));
  if (Array.isArray(value)) {
    const most = value.some(isObject) ? MAX_SHOWN_OBJECTS : MAX_SHOWN_MEMBERS;
    const parts = value.slice(0, most).map((member) => compactJson(member, column + 1, width));
    if (value.length > most) parts.push(`… ${value.length - most} more`);
    return fill("[", parts, "]", column + 1, width);
  }
  if (!isObject(value)) return JSON.stringify(value) ?? "undefined";
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  if (members.length === 0) return "{}";
  const parts = members.map(([name, member]) => {
    const label = `"${name}": `;
    return label + compactJson(member, column + 2 + label.length, width);
  });
  return fill("{ ", parts, " }", column + 2, width);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const cut = (text: string) =>
  text.length <= MAX_SHOWN_CHARACTERS ? text : `${text.slice(0, MAX_SHOWN_CHARACTERS)}…`;

/** Joins parts, starting a new line at `column` whenever the current one is full. */
function fill(
  open: string,
  parts: readonly string[],
  close: string,
  column: number,
  width: number,
): string {
  let text = open;
  let used = column;
  parts.forEach((part, index) => {
    const [first = "", ...rest] = part.split("\n");
    const separator = index < parts.length - 1 ? "," : close;
    const room = width - used - separator.length;
    // A part of several lines starts on a new one.
    if (index > 0 && (rest.length > 0 || first.length + 1 > room)) {
      text += `\n${" ".repeat(column)}`;
      used = column;
    } else if (index > 0) {
      text += " ";
      used += 1;
    }
    text += part + separator;
    used = rest.length === 0
      ? used + first.length + separator.length
      : (rest.at(-1) ?? "").length + separator.length;
  });
  return parts.length === 0 ? open.trim() + close.trim() : text;
}
