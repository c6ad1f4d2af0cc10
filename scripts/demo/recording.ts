/**
 * The recording of the demo: a terminal drawn as SVG, from the output of a real run.
 *
 * @module
 */

/** The first words of the steps shown: those that look the same on every machine. */
const SHOWN_STEPS = [
  "Is the agent alive?",
  "Run a command",
  "A path outside",
  "So is a symbolic link",
  "A command that never ends",
  "Ten half-second commands",
] as const;
/** The first words of the conclusion. */
const CONCLUSION = "Called all ";
/** Stands for the steps left out. */
const OMISSION = "   ⋮";

const FONT_PIXELS = 14;
const CHARACTER_PIXELS = 8.43;
const LINE_PIXELS = 19;
const MARGIN_PIXELS = 18;
const TITLE_BAR_PIXELS = 34;
/** Seconds between two lines, and the pause before a step. */
const PACE_SECONDS = { line: 0.1, step: 0.9 } as const;

/** Colours of the SGR codes that the demo prints. */
const STYLES: Readonly<Record<string, string>> = {
  "1": "font-weight:bold;fill:#ffffff",
  "2": "fill:#8b949e",
  "31": "fill:#ff7b72",
  "32": "fill:#7ee787",
  "36": "fill:#79c0ff",
};

/** Where a step begins: its number, right-aligned, then the heading. */
const STEP_REGEXP = /^ ?\d+ (\S.*)/;
// deno-lint-ignore no-control-regex
const SGR_REGEXP = /\x1b\[(\d+)m/g;

/** The text of a line without its escape sequences. */
export const plainText = (line: string): string => line.replace(SGR_REGEXP, "");

/** The lines of the demo's output that the recording shows. */
export function shownLines(output: string): string[] {
  const shown: string[] = [];
  // The introduction.
  let isShown = true;
  let wasShown = true;
  for (const line of output.trimEnd().split("\n")) {
    const text = plainText(line);
    const heading = STEP_REGEXP.exec(text)?.[1];
    if (heading !== undefined) isShown = SHOWN_STEPS.some((start) => heading.startsWith(start));
    if (wasShown && !isShown) shown.push(OMISSION, "");
    if (isShown || text.startsWith(CONCLUSION)) shown.push(line);
    wasShown = isShown;
  }
  return shown;
}

/**
 * Draws the recording.
 *
 * @param output What the demo printed, with its colours.
 * @param command The command line to show above it.
 */
export function recordingOf(output: string, command: string): string {
  const lines = [`\x1b[32m$\x1b[0m ${command}`, "", ...shownLines(output)];
  const columns = Math.max(...lines.map((line) => plainText(line).length));
  const width = Math.ceil(columns * CHARACTER_PIXELS + 2 * MARGIN_PIXELS);
  const height = TITLE_BAR_PIXELS + lines.length * LINE_PIXELS + 2 * MARGIN_PIXELS;
  let seconds = 0;
  const rows = lines.map((line, index) => {
    const text = plainText(line);
    if (text === "") return "";
    seconds += STEP_REGEXP.test(text) ? PACE_SECONDS.step : PACE_SECONDS.line;
    const y = TITLE_BAR_PIXELS + MARGIN_PIXELS + (index + 1) * LINE_PIXELS - 5;
    return `<text x="${MARGIN_PIXELS}" y="${y}" style="animation-delay:${seconds.toFixed(1)}s">${
      spans(line)
    }</text>\n`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" viewBox="0 0 ${width} ${height}" width="${width}" \
height="${height}" role="img" aria-label="A terminal running ${escape(command)}">
<!-- Written by \`deno task demo:record\` from a real run. -->
<style>
text { font: ${FONT_PIXELS}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  fill: #c9d1d9; white-space: pre; animation: appear 0.01s both; }
@keyframes appear { from { opacity: 0 } to { opacity: 1 } }
@media (prefers-reduced-motion: reduce) { text { animation: none } }
</style>
<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>
${
    ["#ff5f56", "#ffbd2e", "#27c93f"].map((fill, index) =>
      `<circle cx="${20 + index * 20}" cy="20" r="6" fill="${fill}"/>`
    ).join("")
  }
${rows.join("")}</svg>
`;
}

/** The lines a recording shows, without the prompt and the marks for omitted steps. */
export function linesOfRecording(svg: string): string[] {
  const texts = [...svg.matchAll(/<text [^>]*>(.*?)<\/text>/g)].map(([, inner = ""]) =>
    unescape(inner.replace(/<[^>]+>/g, ""))
  );
  return texts.slice(1).filter((text) => text !== OMISSION);
}

/** Coloured runs of a line as `tspan` elements. */
function spans(line: string): string {
  let style: string | undefined;
  return line.split(SGR_REGEXP).map((part, index) => {
    // Odd parts are the captured codes.
    if (index % 2 === 1) {
      style = STYLES[part];
      return "";
    }
    if (part === "") return "";
    return style === undefined ? escape(part) : `<tspan style="${style}">${escape(part)}</tspan>`;
  }).join("");
}

const escape = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");

const unescape = (text: string) =>
  text.replaceAll("&quot;", '"').replaceAll("&gt;", ">").replaceAll("&lt;", "<")
    .replaceAll("&amp;", "&");
