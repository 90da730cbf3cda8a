/**
 * What line and area charts share. The view brings the points, the ticks and the figures; this draws them with uPlot, in
 * the theme's colours, and shows what the pointer reads on every chart of the page at once.
 */
import { attribute, figureText, h, list, partsOf, show, text } from "../dom.js";
import { columnsOf, grow, span } from "../series.js";
import { clock, exactClock } from "../words.js";
import { colours } from "./colours.js";
import { Turns } from "./turns.js";

/** @typedef {import("../types.js").ChartView} ChartView */
/** @typedef {import("../types.js").Append} Append */
/** @typedef {import("uplot")} Plot */
/** @typedef {typeof import("uplot")} Library */

/** So many colours are told apart; the lines after them begin again, dashed. */
const COLOURS = 8;

/** Room at the edges, in pixels, and the room of the time axis: as the still picture has them. */
const EDGE = 8;
const TIME_AXIS = 26;
const LEAST_VALUE_AXIS = 48;

/** So far beyond the edge of the screen charts are drawn already, so that nobody who scrolls sees an old picture. */
const AHEAD = "240px";

/** What a digit of an axis takes at most, in pixels at 11 px. */
const DIGIT = 6.6;

/**
 * @typedef {object} Chart
 * @property {HTMLElement} root
 * @property {HTMLElement} plot where uPlot draws
 * @property {HTMLElement} legend
 * @property {HTMLElement} empty
 * @property {HTMLElement} reader
 * @property {ChartView | null} view
 * @property {import("../series.js").Columns} columns
 * @property {Plot | null} drawn
 */

/** @type {Library | null} */
let library = null;

/** Every chart on the page by the element it is drawn in; few, and they live as long as it does. @type {Map<Element, Chart>} */
const charts = new Map();

/** @type {Turns<Chart>} */
const turns = new Turns(draw, (work) => requestAnimationFrame(work));

const resized = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    const chart = charts.get(target);
    if (!chart?.drawn || contentRect.width === 0) continue;
    chart.drawn.setSize({ width: Math.floor(contentRect.width), height: Math.floor(contentRect.height) });
  }
});

const seen = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const chart = charts.get(target);
      if (chart) turns.see(chart, isIntersecting);
    }
  },
  { rootMargin: AHEAD },
);

addEventListener("beforeprint", () => turns.drawAll());

/**
 * Fetches the chart library. Charts painted before draw themselves when it is there.
 *
 * @param {string} url
 */
export async function load(url) {
  library = /** @type {Library} */ ((await import(url)).default);
  for (const chart of charts.values()) turns.ask(chart);
}

/** The theme has changed. */
export function recolour() {
  colours.read();
  for (const chart of charts.values()) chart.drawn?.redraw(false);
}

/** @param {"line" | "area"} kind */
export function makeChart(kind) {
  const parts = partsOf(() => {
    const plot = h("div", "plot");
    plot.setAttribute("role", "img");
    const legend = h("ul", "legend");
    const empty = h("p", "empty", "Nothing to show. The source answered without a single point.");
    const reader = h("div", "reader");
    reader.setAttribute("aria-hidden", "true");
    reader.hidden = true;
    const root = h("div", "chart", plot, legend, empty);
    root.dataset.fill = kind;
    /** @type {Chart} */
    const chart = { root, plot, legend, empty, reader, view: null, columns: { times: [], values: [], window: 1 }, drawn: null };
    return chart;
  });
  return {
    /** @param {Element} body @param {ChartView} view */
    paint(body, view) {
      const still = body.querySelector(".still");
      const chart = parts(body);
      // Until the library is there, the server's picture stands in.
      if (still && !chart.drawn) chart.plot.append(still);
      watch(chart);
      const drawnOtherwise = chart.view === null || shape(chart.view) !== shape(view);
      chart.view = view;
      chart.columns = columnsOf(view);
      const title = body.closest("section")?.getAttribute("aria-labelledby") ?? "";
      chart.legend.id = title.replace(/title$/, "legend");
      attribute(chart.plot, "aria-labelledby", `${title} ${chart.legend.id}`);
      paintLegend(chart, view.series.map((series) => series.latest));
      if (drawnOtherwise) discard(chart);
      turns.ask(chart);
    },
    /** @param {Element} body @param {Append} append */
    append(body, append) {
      const chart = parts(body);
      // Points that do not fit belong to a view that has not come; until it does, the picture stays as it was.
      if (!chart.view || !grow(chart.columns, append)) return;
      if (append.axis) chart.view.axis = append.axis;
      paintLegend(chart, append.latest);
      turns.ask(chart);
    },
    /** The panel has nothing to show any more. @param {Element} body */
    clear(body) {
      for (const chart of charts.values()) if (body.contains(chart.root)) forget(chart);
    },
  };
}

/** @param {Chart} chart */
function watch(chart) {
  if (charts.has(chart.plot)) return;
  charts.set(chart.plot, chart);
  resized.observe(chart.plot);
  seen.observe(chart.plot);
}

/** @param {Chart} chart */
function forget(chart) {
  discard(chart);
  resized.unobserve(chart.plot);
  seen.unobserve(chart.plot);
  charts.delete(chart.plot);
  turns.forget(chart);
}

/** What a drawing depends on beyond its points. @param {ChartView} view */
const shape = (view) => JSON.stringify([view.series.map((series) => series.label), view.thresholds]);

/** @param {Chart} chart */
function discard(chart) {
  chart.drawn?.destroy();
  chart.drawn = null;
}

/** @param {Chart} chart @param {import("../types.js").Figure[]} latest */
function paintLegend(chart, latest) {
  const series = chart.view?.series ?? [];
  list(
    chart.legend,
    series,
    () => h("li", "", h("i"), h("span", "legend-label"), h("b")),
    (item, line, index) => {
      const [swatch, label, value] = /** @type {[Element, HTMLElement, Element]} */ ([...item.children]);
      attribute(swatch, "class", `series-${(index % COLOURS) + 1}`);
      text(label, line.label);
      show(label, line.label !== "");
      const figure = latest[index];
      text(value, figure ? figureText(figure) : "");
    },
  );
  show(chart.empty, chart.columns.times.length === 0);
}

/** @param {Chart} chart @returns {import("uplot").AlignedData} */
const data = (chart) => [chart.columns.times, ...chart.columns.values];

/** @param {Chart} chart */
function draw(chart) {
  if (chart.drawn) chart.drawn.setData(data(chart), true);
  if (!library || chart.drawn || !chart.view) return;
  const { width, height } = chart.plot.getBoundingClientRect();
  if (width === 0) return;
  chart.plot.querySelector(".still")?.remove();
  chart.drawn = new library(options(chart, chart.view, Math.floor(width), Math.floor(height)), data(chart), chart.plot);
  chart.drawn.over.append(chart.reader);
}

/**
 * @param {Chart} chart
 * @param {ChartView} view
 * @param {number} width
 * @param {number} height
 * @returns {import("uplot").Options}
 */
function options(chart, view, width, height) {
  const axis = () => /** @type {ChartView} */ (chart.view).axis;
  const font = `11px ${getComputedStyle(chart.plot).fontFamily}`;
  const faint = () => colours.of("--faint");
  return {
    width,
    height,
    padding: [EDGE, EDGE, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false, setScale: false },
      sync: { key: "board", setSeries: false, scales: ["x", null] },
      points: { size: 7, fill: () => colours.of("--panel") },
    },
    scales: {
      x: { time: true, range: () => span(chart.columns, Date.now() / 1000) },
      y: { range: () => [axis().min, axis().max] },
    },
    axes: [
      {
        font,
        stroke: faint,
        size: TIME_AXIS,
        gap: 6,
        space: 72,
        grid: { show: false },
        ticks: { show: false },
        values: (_plot, at, _axis, _space, step) => at.map((time) => (step < 60 ? exactClock : clock)(time * 1000)),
      },
      {
        font,
        stroke: faint,
        gap: EDGE,
        size: () => Math.max(LEAST_VALUE_AXIS, ...axis().ticks.map((tick) => tick.text.length * DIGIT + EDGE * 2)),
        grid: { stroke: () => colours.of("--line"), width: 1 },
        ticks: { show: false },
        splits: () => axis().ticks.map((tick) => tick.at),
        values: () => axis().ticks.map((tick) => tick.text),
      },
    ],
    series: [{}, ...view.series.map((series, index) => line(view.kind, series.label, index))],
    hooks: {
      drawAxes: [(plot) => drawThresholds(plot, /** @type {ChartView} */ (chart.view).thresholds)],
      setCursor: [(plot) => read(chart, plot)],
    },
  };
}

/**
 * @param {"line" | "area"} kind
 * @param {string} label
 * @param {number} index
 * @returns {import("uplot").Series}
 */
function line(kind, label, index) {
  const name = `--line-${(index % COLOURS) + 1}`;
  return {
    label,
    stroke: () => colours.of(name),
    width: 1.75,
    points: { show: false },
    ...(kind === "area" ? { fill: () => colours.faded(name, 0.14) } : {}),
    ...(index >= COLOURS ? { dash: [6, 3] } : {}),
  };
}

/** @param {Plot} plot @param {[number, import("../types.js").State][]} thresholds */
function drawThresholds(plot, thresholds) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.setLineDash([3 * ratio, 4 * ratio]);
  ctx.lineWidth = ratio;
  for (const [at, state] of thresholds) {
    const y = Math.round(plot.valToPos(at, "y", true));
    if (state === "good" || y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.strokeStyle = colours.of(`--${state}-fill`);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}

/** Shows what stands under the pointer, here or on another chart. @param {Chart} chart @param {Plot} plot */
function read(chart, plot) {
  const { idx, left = -1 } = plot.cursor;
  const { view, columns, reader } = chart;
  const time = idx === null || idx === undefined ? undefined : columns.times[idx];
  if (time === undefined || left < 0 || !view) {
    show(reader, false);
    return;
  }
  if (reader.childElementCount === 0) reader.append(h("p", "reader-time"), h("ul"));
  const [moment, values] = /** @type {[Element, Element]} */ ([...reader.children]);
  text(moment, exactClock(time * 1000));
  list(
    values,
    view.series,
    () => h("li", "", h("i"), h("span"), h("b")),
    (item, series, index) => {
      const [swatch, label, value] = /** @type {[Element, Element, Element]} */ ([...item.children]);
      attribute(swatch, "class", `series-${(index % COLOURS) + 1}`);
      text(label, series.label);
      text(value, valueText(view, columns.values[index]?.[/** @type {number} */ (idx)]));
    },
  );
  show(reader, true);
  const room = plot.over.clientWidth;
  const beside = left + 14;
  const fits = beside + reader.offsetWidth <= room;
  reader.style.left = `${Math.max(0, fits ? beside : left - reader.offsetWidth - 14)}px`;
}

/** @param {ChartView} view @param {number | null | undefined} value */
function valueText(view, value) {
  if (value === null || value === undefined) return "–";
  return figureText({ text: (value / view.divisor).toFixed(view.decimals), unit: view.unit });
}
