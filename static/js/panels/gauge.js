/** A dial: how far round, where the thresholds begin, and the number within. */
import { attribute, h, list, mark, paintMark, partsOf, reading, svg, text } from "../dom.js";

const ROUND = "M12 60a48 48 0 0 1 96 0";
const RIM = "M3 60a57 57 0 0 1 114 0";

const parts = partsOf(() => {
  const value = svg("path", { class: "dial-value", d: ROUND, pathLength: "100" });
  const marks = svg("g", { class: "dial-marks" });
  const dial = svg(
    "svg",
    { class: "dial", viewBox: "0 0 120 66", "aria-hidden": "true" },
    svg("path", { class: "dial-track", d: ROUND, pathLength: "100" }),
    value,
    marks,
  );
  const figure = reading();
  const judged = mark();
  const min = h("span", "end-min");
  const max = h("span", "end-max");
  const ends = h("p", "ends", h("span", "unseen", "from "), min, h("span", "judged", judged), h("span", "unseen", " to "), max);
  return { root: h("div", "gauge", dial, figure.root, ends), value, marks, figure, judged, min, max };
});

/** @param {Element} body @param {import("../types.js").GaugeView} view */
export function paint(body, view) {
  const { root, value, marks, figure, judged, min, max } = parts(body);
  attribute(root, "data-state", view.mark?.state ?? "");
  attribute(value, "stroke-dasharray", `${view.percent} 200`);
  list(
    marks,
    view.marks,
    () => svg("path", { d: RIM, pathLength: "100" }),
    (path, [at, state]) => {
      attribute(path, "data-state", state);
      attribute(path, "stroke-dasharray", `0 ${at} 100 100`);
    },
  );
  figure.paint(view.figure);
  paintMark(judged, view.mark);
  text(min, view.min);
  text(max, view.max);
}
