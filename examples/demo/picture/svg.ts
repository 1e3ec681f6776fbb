/** The drawing: a lane for each region, the figures, and a line of the log. It has no script and loads nothing. */
import { seconds } from "../event-log.js";
import { count } from "../report.js";
import { wrap } from "../terminal.js";
import { BIN_MS, type Figure, type Lane, type Scene } from "./scene.js";

export interface Palette {
  readonly paper: string;
  readonly shade: string;
  readonly hairline: string;
  readonly muted: string;
  readonly ink: string;
  /** By region. Everyone can distinguish blue and orange, and the lanes do not depend on colour. */
  readonly regions: readonly [string, string, string];
}

export const PALETTES: Readonly<Record<"light" | "dark", Palette>> = {
  light: {
    paper: "#ffffff",
    shade: "#eff2f5",
    hairline: "#d1d9e0",
    muted: "#59636e",
    ink: "#1f2328",
    regions: ["#0969da", "#d9730d", "#8250df"],
  },
  dark: {
    paper: "#0d1117",
    shade: "#1c2128",
    hairline: "#3d444d",
    muted: "#9198a1",
    ink: "#f0f6fc",
    regions: ["#4493f8", "#f0883e", "#ab7df8"],
  },
};

const WIDTH = 880;
const MARGIN = 28;
const LANES = { left: 184, right: WIDTH - MARGIN, top: 130, height: 64, gap: 16 };
const FIGURES = { lefts: [MARGIN, 345, 590], height: 108 };
/** The number of columns that fit in any monospace font. */
const LOG = { wide: { columns: 98, leading: 21 }, narrow: { columns: 64, leading: 28 } };

const styleOf = ({ paper, shade, hairline, muted, ink }: Palette) => `
text { font-family: system-ui, -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: ${ink} }
.headline { font-size: 26px; font-weight: 600 }
.region { font-size: 18px; font-weight: 600 }
.mark { font-size: 14px; font-weight: 600 }
.small, .tick { font-size: 14px; fill: ${muted} }
.note { font-size: 14px }
.tick { font-size: 13px }
.figure { font-size: 36px; font-weight: 600 }
.log { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; font-size: 13px; white-space: pre }
.paper { fill: ${paper}; stroke: ${hairline} }
.shade { fill: ${shade} }
.base { stroke: ${hairline} }
.usual { stroke: ${hairline}; stroke-dasharray: 2 3 }
.killed { stroke: ${ink}; stroke-width: 2 }
.back { stroke: ${muted} }
.failed { fill: ${ink} }
.narrow { display: none }
/* On a phone the drawing is shown at two fifths of its size. */
@media (max-width: 600px) {
  .wide { display: none }
  .narrow { display: inline }
  .headline { font-size: 36px }
  .region { font-size: 27px }
  .mark, .small, .note { font-size: 23px }
  .tick { font-size: 20px }
  .figure { font-size: 48px }
  .log { font-size: 20px }
}`;

export function drawingOf(scene: Scene, palette: Palette): string {
  const { home, substitute, lanes, bins, calls } = scene;
  const bottom = baseOf(lanes.length - 1);
  const figuresTop = bottom + 44;
  const log = logStrip(scene.log, figuresTop + FIGURES.height);
  const height = figuresTop + FIGURES.height + log.height + MARGIN;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title desc">
<!-- Drawn by "npm run picture" from a run of the demo; not edited by hand. -->
<title id="title">${xml(`${home} is killed under load, and the calls go on in ${substitute}`)}</title>
<desc id="desc">${xml(inWords(scene))}</desc>
<style>${styleOf(palette)}
</style>
<rect class="paper" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="6"/>
${text("headline wide", MARGIN, 46, `${home} is killed under load. Calls go on in ${substitute}.`)}
${text("headline narrow", MARGIN, 58, `${home} dies, calls go on in ${substitute}`)}
${text("small wide", MARGIN, 72, `A real run: ${lanes.length} regions, ${calls.toLocaleString("en")} calls in ${seconds(bins * BIN_MS, 0)}, one SIGKILL`)}
${chart(scene, palette)}
${scene.figures.map((figure, i) => figureAt(figure, FIGURES.lefts[i] ?? 0, figuresTop)).join("\n")}
${log.drawing}
</svg>
`;
}

function chart({ home, lanes, bins, calls, outage, note }: Scene, palette: Palette): string {
  const { left, right, top, height } = LANES;
  const x = (ms: number) => round(left + ((right - left) * ms) / (bins * BIN_MS));
  // One scale for all regions, so that the same height is the same number of calls.
  const highest = Math.max(...lanes.flatMap(({ succeeded, failed }) => succeeded.map((n, i) => n + (failed[i] ?? 0))));
  const y = (lane: number, n: number) => round(baseOf(lane) - (height * n) / highest);
  const usual = Math.round(calls / bins);
  const killed = x(outage.killedMs);
  const back = x(outage.backMs);
  const mark = (kind: string, at: number, bottom: number) =>
    `<line class="${kind}" x1="${at}" x2="${at}" y1="${top - 26}" y2="${bottom}"/>`;

  const laneAt = ({ region, served, succeeded, failed }: Lane, lane: number) => {
    const base = baseOf(lane);
    const role = region === home ? "home, " : served === 0 ? "in reserve, " : "";
    const color = palette.regions[lane % palette.regions.length] ?? palette.ink;
    return [
      line("usual", y(lane, usual)),
      `<path fill="${color}" d="${steps(succeeded, x, (n) => y(lane, n))}"/>`,
      ...failed.flatMap((n, i) => {
        const below = succeeded[i] ?? 0;
        const size = `width="${round(x(BIN_MS) - left)}" height="${round(y(lane, below) - y(lane, below + n))}"`;
        return n === 0 ? [] : `<rect class="failed" x="${x(i * BIN_MS)}" y="${y(lane, below + n)}" ${size}/>`;
      }),
      line("base", base),
      text("region", MARGIN, base - 30, region),
      text("small wide", MARGIN, base - 9, `${role}${count(served, "call")}`),
      text("small narrow", MARGIN, base - 4, count(served, "call")),
    ];
  };

  const ticks: string[] = [];
  for (let ms = 0; ms <= bins * BIN_MS; ms += 2_000) {
    ticks.push(text("tick", x(ms), baseOf(lanes.length - 1) + 22, seconds(ms, 0), "middle"));
  }
  return [
    text("small", MARGIN, top - 12, `calls per ${BIN_MS} ms`),
    text("tick", left - 8, y(0, usual) + 5, String(usual), "end"),
    `<rect class="shade" x="${killed}" y="${top}" width="${round(back - killed)}" height="${height}"/>`,
    ...lanes.flatMap(laneAt),
    mark("killed", killed, baseOf(lanes.length - 1)),
    mark("back", back, baseOf(0)),
    text("mark", killed + 8, top - 12, `${home} killed`),
    text("mark wide", back + 8, top - 12, `${home} back, tested first`),
    text("mark narrow", back + 8, top - 12, `${home} back`),
    ...(note?.wide ?? []).map((row, i) => text("note wide", killed + 18, top + 19 + i * 18, row)),
    ...(note?.narrow ?? []).map((row, i) => text("note narrow", killed + 18, top + 27 + i * 26, row)),
    ...ticks,
  ].join("\n");
}

function baseOf(lane: number): number {
  return LANES.top + lane * (LANES.height + LANES.gap) + LANES.height;
}

function line(kind: string, y: number): string {
  return `<line class="${kind}" x1="${LANES.left}" x2="${LANES.right}" y1="${y}" y2="${y}"/>`;
}

function steps(counts: readonly number[], x: (ms: number) => number, y: (n: number) => number): string {
  const tops = counts.map((n, i) => `V${y(n)}H${x((i + 1) * BIN_MS)}`);
  return `M${x(0)} ${y(0)}${tops.join("")}V${y(0)}Z`;
}

function figureAt({ value, label }: Figure, x: number, top: number): string {
  return [
    text("figure", x, top + 36, value.toLocaleString("en")),
    ...label.map((row, i) => text("small wide", x, top + 60 + i * 19, row)),
    ...label.map((row, i) => text("small narrow", x, top + 67 + i * 25, row)),
  ].join("\n");
}

function logStrip(log: string, top: number): { drawing: string; height: number } {
  const versions = [
    { kind: "wide", leading: LOG.wide.leading, rows: ["$ npm run demo", ...logRows(log, LOG.wide.columns)] },
    { kind: "narrow", leading: LOG.narrow.leading, rows: logRows(log, LOG.narrow.columns) },
  ];
  const height = 24 + Math.max(...versions.map(({ rows, leading }) => rows.length * leading));
  const rows = versions.flatMap(({ kind, leading, rows }) => {
    const first = top + (height - rows.length * leading) / 2 + leading * 0.7;
    return rows.map((row, i) => text(`log ${kind}`, MARGIN + 14, round(first + i * leading), row));
  });
  const strip = `<rect class="shade" x="${MARGIN}" y="${top}" width="${WIDTH - 2 * MARGIN}" height="${height}" rx="6"/>`;
  return { drawing: [strip, ...rows].join("\n"), height };
}

/** Broken, if necessary, between the event and its reason. */
function logRows(log: string, columns: number): string[] {
  if (log.length <= columns) return [log];
  return log
    .replace(" (", "\n  (")
    .split("\n")
    .flatMap((row) => wrap(row, columns, 2));
}

/** The description for readers who cannot see the picture. */
function inWords({ home, substitute, lanes, calls, outage, figures }: Scene): string {
  const served = lanes.map(({ region, served }) => `${region} ${served}`).join(", ");
  return [
    `Calls per ${BIN_MS} ms over time, by the region that answered them, in a real run of ${count(calls, "call")}.`,
    `${home} is killed at ${seconds(outage.killedMs, 1)} and is back at ${seconds(outage.backMs, 1)}.`,
    `Meanwhile ${substitute} answers. Calls answered: ${served}.`,
    ...figures.map(({ value, label }) => `${value.toLocaleString("en")} ${label.join(" ")}.`),
  ].join(" ");
}

function text(kind: string, x: number, y: number, content: string, anchor?: "middle" | "end"): string {
  const anchored = anchor === undefined ? "" : ` text-anchor="${anchor}"`;
  return `<text class="${kind}" x="${x}" y="${y}"${anchored}>${xml(content)}</text>`;
}

function xml(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function round(n: number): number {
  return Math.round(n * 10) / 10;
}
