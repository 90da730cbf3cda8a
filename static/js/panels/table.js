/** Rows under columns. */
import { attribute, h, list, paintEmpty, partsOf, show, text } from "../dom.js";

const parts = partsOf(() => {
  const head = h("tr");
  const rows = h("tbody");
  const scroll = h("div", "table-scroll", h("table", "", h("thead", "", head), rows));
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "group");
  const more = h("p", "more");
  return { root: h("div", "", scroll, more), head, rows, scroll, more };
});

/** @param {Element} body @param {import("../types.js").TableView} view */
export function paint(body, view) {
  if (view.rows.length === 0) {
    paintEmpty(body, "The source answered with no rows.");
    return;
  }
  const { head, rows, scroll, more } = parts(body);
  attribute(scroll, "aria-labelledby", body.closest("section")?.getAttribute("aria-labelledby") ?? null);
  const side = (/** @type {number} */ index) => (view.columns[index]?.align === "right" ? "right" : null);
  list(
    head,
    view.columns,
    () => h("th"),
    (cell, column, index) => {
      attribute(cell, "scope", "col");
      attribute(cell, "class", side(index));
      text(cell, column.label);
    },
  );
  list(
    rows,
    view.rows,
    () => h("tr"),
    (row, cells) =>
      list(
        row,
        cells,
        () => h("td"),
        (cell, value, index) => {
          attribute(cell, "class", side(index));
          paintCell(cell, value);
        },
      ),
  );
  text(more, `and ${view.more} more`);
  show(more, view.more > 0);
}

/** @param {Element} cell @param {import("../types.js").Cell} value */
function paintCell(cell, value) {
  if (!value.state) {
    // `text` replaces a judgement that stood here, too.
    if (cell.firstElementChild) cell.replaceChildren(value.text);
    else text(cell, value.text);
    return;
  }
  if (!cell.firstElementChild) cell.replaceChildren(h("span", "mark"));
  const judged = /** @type {Element} */ (cell.firstElementChild);
  attribute(judged, "data-state", value.state);
  text(judged, value.text);
}
