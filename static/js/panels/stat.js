/** One big number, its judgement, a line beneath, and the last minutes. */
import { attribute, h, mark, paintMark, partsOf, reading, show, svg, text } from "../dom.js";

const parts = partsOf(() => {
  const figure = reading();
  const judged = mark();
  const note = h("p", "note");
  const area = svg("path", { class: "spark-area" });
  const line = svg("path", { class: "spark-line" });
  const spark = svg("svg", { class: "spark", viewBox: "0 0 300 34", preserveAspectRatio: "none", "aria-hidden": "true" }, area, line);
  figure.root.append(judged);
  return { root: h("div", "stat", figure.root, note), figure, judged, note, spark, area, line };
});

/** @param {Element} body @param {import("../types.js").StatView} view */
export function paint(body, view) {
  const { root, figure, judged, note, spark, area, line } = parts(body);
  attribute(root, "data-state", view.mark?.state ?? "");
  figure.paint(view.figure);
  paintMark(judged, view.mark);
  text(note, view.note ?? "");
  show(note, view.note !== undefined);
  if (view.spark) {
    attribute(area, "d", view.spark.area);
    attribute(line, "d", view.spark.line);
    if (!spark.isConnected) root.append(spark);
  } else {
    spark.remove();
  }
}
