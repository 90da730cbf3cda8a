/** Bar panel: a bar for each labelled number. */
import { cachedParts, createMark, h, paintEmpty, paintMark, setAttribute, setText, setVisible, svg, syncChildren, unlessGood } from "../dom.js";

/**
 * @typedef {{ label: string, figure: import("../types.js").Figure, percent: number, start: number, mark?: import("../types.js").Mark }} BarRow
 * @typedef {import("../types.js").View & { bars: BarRow[] }} BarView
 */

const parts = cachedParts(() => ({ root: h("ul", "bars") }));

function createBar() {
  const track = svg("svg", { class: "bar-room", "aria-hidden": "true" }, svg("rect", { height: "100%", rx: "3" }));
  return h("li", "", h("span", "bar-label"), createMark(), h("span", "bar-figure", "", h("small")), track);
}

/** @param {Element} body @param {BarView} view */
export function paint(body, view) {
  if (view.bars.length === 0) {
    paintEmpty(body, "The source answered with no bars.");
    return;
  }
  syncChildren(parts(body).root, view.bars, createBar, (item, bar) => {
    const [label, stateMark, figure, track] = /** @type {[Element, HTMLElement, Element, Element]} */ ([...item.children]);
    setAttribute(item, "data-state", bar.mark?.state ?? "");
    setText(label, bar.label);
    // What is as it should be needs no word here; the bar's length says it.
    paintMark(stateMark, unlessGood(bar.mark));
    const unit = /** @type {HTMLElement} */ (figure.lastElementChild);
    setText(/** @type {Node} */ (figure.firstChild), bar.figure.unit ? `${bar.figure.text} ` : bar.figure.text);
    setText(unit, bar.figure.unit);
    setVisible(unit, bar.figure.unit !== "");
    const rect = /** @type {Element} */ (track.firstElementChild);
    setAttribute(rect, "x", `${bar.start}%`);
    setAttribute(rect, "width", `${bar.percent}%`);
  });
}
