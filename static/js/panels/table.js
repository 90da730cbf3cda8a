/** Table panel: rows under columns. */
import { cachedParts, h, paintEmpty, setAttribute, setText, setVisible, syncChildren } from "../dom.js";

/**
 * @typedef {{ text: string, state?: import("../types.js").State }} Cell
 * @typedef {import("../types.js").View & { columns: { label: string, align: "left" | "right" }[], rows: Cell[][], more: number }} TableView
 */

/** A text of more characters wraps, as the template has it too. */
const LONG_TEXT = 40;

const parts = cachedParts(() => {
  const head = h("tr");
  const rows = h("tbody");
  const scroll = h("div", "table-scroll", h("table", "", h("thead", "", head), rows));
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "group");
  const more = h("p", "more");
  return { root: h("div", "table", scroll, more), head, rows, scroll, more };
});

/** @param {Element} body @param {TableView} view */
export function paint(body, view) {
  if (view.rows.length === 0) {
    paintEmpty(body, "The source answered with no rows.");
    return;
  }
  const { head, rows, scroll, more } = parts(body);
  setAttribute(scroll, "aria-labelledby", body.closest("section")?.getAttribute("aria-labelledby") ?? null);
  const alignmentClass = (/** @type {number} */ index) => (view.columns[index]?.align === "right" ? "right" : null);
  syncChildren(
    head,
    view.columns,
    () => h("th"),
    (cell, column, index) => {
      setAttribute(cell, "scope", "col");
      setAttribute(cell, "class", alignmentClass(index));
      setText(cell, column.label);
    },
  );
  syncChildren(
    rows,
    view.rows,
    () => h("tr"),
    (row, cells) =>
      syncChildren(
        row,
        cells,
        () => h("td"),
        (cell, value, index) => {
          setAttribute(cell, "class", !value.state && [...value.text].length > LONG_TEXT ? "long" : alignmentClass(index));
          paintCell(cell, value);
        },
      ),
  );
  setText(more, `and ${view.more} more`);
  setVisible(more, view.more > 0);
}

/** @param {Element} cell @param {Cell} value */
function paintCell(cell, value) {
  if (!value.state) {
    // `text` replaces a mark that stood here, too.
    if (cell.firstElementChild) cell.replaceChildren(value.text);
    else setText(cell, value.text);
    return;
  }
  if (!cell.firstElementChild) cell.replaceChildren(h("span", "mark"));
  const stateMark = /** @type {Element} */ (cell.firstElementChild);
  setAttribute(stateMark, "data-state", value.state);
  setText(stateMark, value.text);
}
