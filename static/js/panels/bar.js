/** A bar for each labelled number. */
import { attribute, h, list, mark, paintEmpty, paintMark, partsOf, show, svg, text } from "../dom.js";

const parts = partsOf(() => ({ root: h("ul", "bars") }));

function makeBar() {
  const room = svg("svg", { class: "bar-room", "aria-hidden": "true" }, svg("rect", { height: "100%", rx: "3" }));
  return h("li", "", h("span", "bar-label"), mark(), h("span", "bar-figure", "", h("small")), room);
}

/** @param {Element} body @param {import("../types.js").BarView} view */
export function paint(body, view) {
  if (view.bars.length === 0) {
    paintEmpty(body, "The source answered with no bars.");
    return;
  }
  list(parts(body).root, view.bars, makeBar, (item, bar) => {
    const [label, judged, figure, room] = /** @type {[Element, HTMLElement, Element, Element]} */ ([...item.children]);
    attribute(item, "data-state", bar.mark?.state ?? "");
    text(label, bar.label);
    // What is as it should be needs no word here; the bar's length says it.
    paintMark(judged, bar.mark?.state === "good" ? undefined : bar.mark);
    const unit = /** @type {HTMLElement} */ (figure.lastElementChild);
    text(/** @type {Node} */ (figure.firstChild), bar.figure.unit ? `${bar.figure.text} ` : bar.figure.text);
    text(unit, bar.figure.unit);
    show(unit, bar.figure.unit !== "");
    attribute(/** @type {Element} */ (room.firstElementChild), "width", `${bar.percent}%`);
  });
}
