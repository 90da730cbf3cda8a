/** Gauge panel: a dial with how far round, where the thresholds begin, and the number within. */
import { cachedParts, createFigure, createMark, h, paintMark, setAttribute, setText, svg, syncChildren, unlessGood } from "../dom.js";

/**
 * @typedef {import("../types.js").View & { figure: import("../types.js").Figure, short?: string, percent: number, min: string, max: string,
 *   marks: [number, import("../types.js").State][] }} GaugeView
 */

const ROUND = "M12 60a48 48 0 0 1 96 0";
const RIM = "M3 60a57 57 0 0 1 114 0";

const parts = cachedParts(() => {
  const value = svg("path", { class: "dial-value", d: ROUND, pathLength: "100" });
  const marks = svg("g", { class: "dial-marks" });
  const dial = svg(
    "svg",
    { class: "dial", viewBox: "0 0 120 66", "aria-hidden": "true" },
    svg("path", { class: "dial-track", d: ROUND, pathLength: "100" }),
    value,
    marks,
  );
  const figure = createFigure();
  const stateMark = createMark();
  const min = h("span", "end-min");
  const max = h("span", "end-max");
  const ends = h("p", "ends", h("span", "unseen", "from "), min, h("span", "judged", stateMark), h("span", "unseen", " to "), max);
  return { root: h("div", "gauge", dial, figure.root, ends), value, marks, figure, stateMark, min, max };
});

/** @param {Element} body @param {GaugeView} view */
export function paint(body, view) {
  const { root, value, marks, figure, stateMark, min, max } = parts(body);
  setAttribute(root, "data-state", view.mark?.state ?? "");
  setAttribute(value, "stroke-dasharray", `${view.percent} 200`);
  syncChildren(
    marks,
    view.marks,
    () => svg("path", { d: RIM, pathLength: "100" }),
    (path, [at, state]) => {
      setAttribute(path, "data-state", state);
      setAttribute(path, "stroke-dasharray", `0 ${at} 100 100`);
    },
  );
  figure.paint(view.figure, view.short);
  paintMark(stateMark, unlessGood(view.mark));
  setText(min, view.min);
  setText(max, view.max);
}
