/**
 * Line and area charts. The view brings the points, the ticks and the figures; this draws them with uPlot, in
 * the theme's colours, and shows what the pointer reads on every chart of the page at once.
 */
import { cachedParts, figureText, h, setAttribute, setText, setVisible, syncChildren } from "../dom.js";
import { formatSeconds, formatTime } from "../format.js";
import { appendPoints, timeRange, toColumns } from "../series.js";
import { THEME_CHANGED } from "../theme.js";
import { colours } from "./colours.js";
import { DrawQueue } from "./draw_queue.js";

/**
 * @typedef {{ label: string, latest: import("../types.js").Figure, state?: import("../types.js").State, values: (number | null)[] }} Series
 * @typedef {import("../types.js").View & { times: number[], series: Series[], axis: import("../types.js").Axis, window: number,
 *   thresholds: [number, import("../types.js").State][], decimals: number, unit: string, divisor: number, units: import("../readout.js").ReadoutUnit[] }} ChartView
 */
/** @typedef {import("../types.js").Append} Append */
/** @typedef {import("uplot")} Plot */
/** @typedef {typeof import("uplot")} Library */

/** The address of the chart library, from here. */
const LIBRARY = "../../vendor/uplot/uPlot.esm.js";

/** The number of colours; the lines after them begin again, dashed. */
const COLOUR_COUNT = 8;

/** The padding at the edges and the size of the time axis, in pixels: as the static chart has them. */
const EDGE = 8;
const TIME_AXIS = 26;
const MIN_VALUE_AXIS = 48;

/** How far beyond the edge of the screen charts are drawn already, so that nobody who scrolls sees an old picture. */
const PRELOAD_MARGIN = "240px";

/** The width of a digit of an axis at most, in pixels at 11 px. */
const DIGIT_WIDTH = 6.6;

/**
 * The label of a moment on the time axis. None where the edge would cut it: half a time is another one.
 * @param {Plot} plot
 * @param {number} time
 * @param {number} step
 */
function timeLabel(plot, time, step) {
  const label = (step < 60 ? formatSeconds : formatTime)(time * 1000);
  const { min = 0, max = 1 } = plot.scales.x;
  // Where the plot begins is not known before its axes are; it is here, or further to the right.
  const room = EDGE + ((max - time) / (max - min)) * (plot.width - MIN_VALUE_AXIS - EDGE);
  return (label.length * DIGIT_WIDTH) / 2 > room ? "" : label;
}

/**
 * @typedef {object} Chart
 * @property {HTMLElement} root
 * @property {HTMLElement} plot where uPlot draws
 * @property {HTMLElement} legend
 * @property {HTMLElement} empty
 * @property {HTMLElement} tooltip
 * @property {ChartView | null} view
 * @property {import("../series.js").Columns} columns
 * @property {Plot | null} uplot
 */

/** @type {Library | null} */
let library = null;

/** Writes the values under the pointer; loaded when there is one. @type {typeof import("../readout.js") | null} */
let writer = null;

/** Every chart on the page by the element it is drawn in; few, and they live as long as it does. @type {Map<Element, Chart>} */
const charts = new Map();

/** @type {DrawQueue<Chart>} */
const drawQueue = new DrawQueue(draw, (work) => requestAnimationFrame(work));

const resizeObserver = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    const chart = charts.get(target);
    if (!chart?.uplot || contentRect.width === 0) continue;
    chart.uplot.setSize({ width: Math.floor(contentRect.width), height: Math.floor(contentRect.height) });
  }
});

const viewObserver = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const chart = charts.get(target);
      if (chart) drawQueue.setInView(chart, isIntersecting);
    }
  },
  { rootMargin: PRELOAD_MARGIN },
);

addEventListener("beforeprint", () => drawQueue.drawAll());

// The page does not wait for the library: charts painted before draw themselves when it is there.
import(LIBRARY).then(
  (module) => {
    library = /** @type {Library} */ (module.default);
    for (const chart of charts.values()) drawQueue.enqueue(chart);
  },
  // The server's still pictures stay; they are true, but they do not move.
  (error) => console.error("The chart library could not be loaded; charts stand still until the page is loaded again.", error),
);

document.addEventListener(THEME_CHANGED, () => {
  colours.clearCache();
  for (const chart of charts.values()) chart.uplot?.redraw(false);
});

/** @param {"line" | "area"} fill whether the area beneath the lines is filled */
export function createChartKind(fill) {
  const parts = cachedParts(() => {
    const plot = h("div", "plot");
    plot.setAttribute("role", "img");
    const legend = h("ul", "legend");
    const empty = h("p", "empty", "Nothing to show. The source answered without a single point.");
    const tooltip = h("div", "reader");
    tooltip.setAttribute("aria-hidden", "true");
    tooltip.hidden = true;
    const root = h("div", "chart", plot, legend, empty);
    root.dataset.fill = fill;
    /** @type {Chart} */
    const chart = { root, plot, legend, empty, tooltip, view: null, columns: { times: [], values: [], window: 1 }, uplot: null };
    return chart;
  });
  return {
    /** @param {Element} body @param {ChartView} view */
    paint(body, view) {
      const still = body.querySelector(".still");
      const chart = parts(body);
      // Until the library is there, the server's picture stands in.
      if (still && !chart.uplot) chart.plot.append(still);
      observe(chart);
      const mustRedraw = chart.view === null || drawingKey(chart.view) !== drawingKey(view);
      chart.view = view;
      chart.columns = toColumns(view);
      const title = body.closest("section")?.getAttribute("aria-labelledby") ?? "";
      chart.legend.id = title.replace(/title$/, "legend");
      setAttribute(chart.plot, "aria-labelledby", `${title} ${chart.legend.id}`);
      paintLegend(chart, view.series.map((series) => series.latest), view.series.map((series) => series.state ?? null));
      if (mustRedraw) destroyPlot(chart);
      drawQueue.enqueue(chart);
    },
    /** @param {Element} body @param {Append} append */
    append(body, append) {
      const chart = parts(body);
      // Points that do not fit belong to a view that has not come; until it does, the picture stays as it was.
      if (!chart.view || !appendPoints(chart.columns, append)) return;
      if (append.axis) chart.view.axis = append.axis;
      paintLegend(chart, append.latest, append.states ?? []);
      drawQueue.enqueue(chart);
    },
    /** Removes the chart of a panel that has nothing to show any more. @param {Element} body */
    clear(body) {
      for (const chart of charts.values()) if (body.contains(chart.root)) dispose(chart);
    },
  };
}

/** @param {Chart} chart */
function observe(chart) {
  if (charts.has(chart.plot)) return;
  charts.set(chart.plot, chart);
  resizeObserver.observe(chart.plot);
  viewObserver.observe(chart.plot);
}

/** @param {Chart} chart */
function dispose(chart) {
  destroyPlot(chart);
  resizeObserver.unobserve(chart.plot);
  viewObserver.unobserve(chart.plot);
  charts.delete(chart.plot);
  drawQueue.remove(chart);
}

/** The key of a drawing: what it depends on beyond its points. @param {ChartView} view */
const drawingKey = (view) => JSON.stringify([view.series.map((series) => series.label), view.thresholds]);

/** @param {Chart} chart */
function destroyPlot(chart) {
  chart.uplot?.destroy();
  chart.uplot = null;
}

/** @param {Chart} chart @param {import("../types.js").Figure[]} latest @param {(import("../types.js").State | null)[]} states */
function paintLegend(chart, latest, states) {
  const series = chart.view?.series ?? [];
  syncChildren(
    chart.legend,
    series,
    () => h("li", "", createSwatch(), h("span", "legend-label"), h("b")),
    (item, line, index) => {
      const [swatch, label, value] = /** @type {[Element, HTMLElement, Element]} */ ([...item.children]);
      setAttribute(swatch, "class", `series-${(index % COLOUR_COUNT) + 1}`);
      setText(label, line.label);
      setVisible(label, line.label !== "");
      const figure = latest[index];
      setText(value, figure ? figureText(figure) : "");
      setAttribute(value, "data-state", states[index] ?? null);
    },
  );
  setVisible(chart.empty, chart.columns.times.length === 0);
}

/** The colour of a line beside its name, which says the same in words. */
function createSwatch() {
  const swatch = h("i");
  swatch.setAttribute("aria-hidden", "true");
  return swatch;
}

/** @param {Chart} chart @returns {import("uplot").AlignedData} */
const data = (chart) => [chart.columns.times, ...chart.columns.values];

/** @param {Chart} chart */
function draw(chart) {
  if (chart.uplot) chart.uplot.setData(data(chart), true);
  if (!library || chart.uplot || !chart.view) return;
  const { width, height } = chart.plot.getBoundingClientRect();
  if (width === 0) return;
  chart.plot.querySelector(".still")?.remove();
  chart.uplot = new library(options(chart, chart.view, Math.floor(width), Math.floor(height)), data(chart), chart.plot);
  chart.uplot.over.append(chart.tooltip);
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
  const faint = () => colours.get("--faint");
  return {
    width,
    height,
    padding: [EDGE, EDGE, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false, setScale: false },
      sync: { key: "board", setSeries: false, scales: ["x", null] },
      points: { size: 7, fill: () => colours.get("--panel") },
    },
    scales: {
      x: { time: true, range: () => timeRange(chart.columns, Date.now() / 1000) },
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
        values: (plot, at, _axis, _space, step) => at.map((time) => timeLabel(plot, time, step)),
      },
      {
        font,
        stroke: faint,
        gap: EDGE,
        size: () => Math.max(MIN_VALUE_AXIS, ...axis().ticks.map((tick) => tick.text.length * DIGIT_WIDTH + EDGE * 2)),
        grid: { stroke: () => colours.get("--line"), width: 1 },
        ticks: { show: false },
        splits: () => axis().ticks.map((tick) => tick.at),
        values: () => axis().ticks.map((tick) => tick.text),
      },
    ],
    series: [{}, ...view.series.map((series, index) => line(chart.root.dataset.fill === "area", series.label, index))],
    hooks: {
      drawAxes: [(plot) => drawThresholds(plot, /** @type {ChartView} */ (chart.view).thresholds)],
      setCursor: [(plot) => showTooltip(chart, plot)],
    },
  };
}

/**
 * @param {boolean} filled
 * @param {string} label
 * @param {number} index
 * @returns {import("uplot").Series}
 */
function line(filled, label, index) {
  const name = `--line-${(index % COLOUR_COUNT) + 1}`;
  return {
    label,
    stroke: () => colours.get(name),
    width: 1.75,
    points: { show: false },
    ...(filled ? { fill: () => colours.withAlpha(name, 0.14) } : {}),
    ...(index >= COLOUR_COUNT ? { dash: [6, 3] } : {}),
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
    ctx.strokeStyle = colours.get(`--${state}-fill`);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}

/** Shows what stands under the pointer, here or on another chart. @param {Chart} chart @param {Plot} plot */
function showTooltip(chart, plot) {
  const { idx, left = -1 } = plot.cursor;
  const { view, columns, tooltip } = chart;
  const loaded = writer;
  const time = idx === null || idx === undefined ? undefined : columns.times[idx];
  if (time === undefined || left < 0 || !view || !loaded) {
    setVisible(tooltip, false);
    if (!loaded && left >= 0) {
      import("../readout.js").then((module) => {
        writer = module;
        // The pointer may rest by now.
        showTooltip(chart, plot);
      }, console.error);
    }
    return;
  }
  if (tooltip.childElementCount === 0) tooltip.append(h("p", "reader-time"), h("ul"));
  const [moment, values] = /** @type {[Element, Element]} */ ([...tooltip.children]);
  setText(moment, formatSeconds(time * 1000));
  syncChildren(
    values,
    view.series,
    () => h("li", "", h("i"), h("span"), h("b")),
    (item, series, index) => {
      const [swatch, label, value] = /** @type {[Element, Element, Element]} */ ([...item.children]);
      setAttribute(swatch, "class", `series-${(index % COLOUR_COUNT) + 1}`);
      setText(label, series.label);
      setText(value, valueText(loaded, view, columns.values[index]?.[/** @type {number} */ (idx)]));
    },
  );
  setVisible(tooltip, true);
  const plotWidth = plot.over.clientWidth;
  const rightOfCursor = left + 14;
  const fits = rightOfCursor + tooltip.offsetWidth <= plotWidth;
  tooltip.style.left = `${Math.max(0, fits ? rightOfCursor : left - tooltip.offsetWidth - 14)}px`;
}

/**
 * A value in the unit of its own size: beside a peak of megabytes, a few bytes are not nothing.
 *
 * @param {typeof import("../readout.js")} writer
 * @param {ChartView} view
 * @param {number | null | undefined} value
 */
function valueText(writer, view, value) {
  if (value === null || value === undefined) return "–";
  return figureText(writer.readout(view.units, value, (unit) => (unit.from === view.divisor ? view.decimals : 0)));
}
