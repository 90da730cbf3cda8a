/** Stat panel: one big number, its mark, a line beneath, and the last minutes. */
import { cachedParts, createFigure, createMark, h, paintMark, setAttribute, setText, setVisible, svg, unlessGood } from "../dom.js";

/**
 * @typedef {import("../types.js").View & { figure: import("../types.js").Figure, short?: string, words?: boolean, note?: string, spark?: { line: string, area: string } }} StatView
 */

const parts = cachedParts(() => {
  const figure = createFigure();
  const stateMark = createMark();
  const note = h("p", "note");
  const area = svg("path", { class: "spark-area" });
  const line = svg("path", { class: "spark-line" });
  const spark = svg("svg", { class: "spark", viewBox: "0 0 300 34", preserveAspectRatio: "none", "aria-hidden": "true" }, area, line);
  figure.root.append(stateMark);
  return { root: h("div", "stat", figure.root, note), figure, stateMark, note, spark, area, line };
});

/** @param {Element} body @param {StatView} view */
export function paint(body, view) {
  const { root, figure, stateMark, note, spark, area, line } = parts(body);
  setAttribute(root, "data-state", view.mark?.state ?? "");
  figure.paint(view.figure, view.short, view.words);
  paintMark(stateMark, unlessGood(view.mark));
  setText(note, view.note ?? "");
  setVisible(note, view.note !== undefined);
  if (view.spark) {
    setAttribute(area, "d", view.spark.area);
    setAttribute(line, "d", view.spark.line);
    if (!spark.isConnected) root.append(spark);
  } else {
    spark.remove();
  }
}
