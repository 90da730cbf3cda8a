/** States panel: things, and how each is doing. */
import { cachedParts, createMark, h, paintEmpty, paintMark, setAttribute, setText, setVisible, syncChildren } from "../dom.js";

/**
 * @typedef {{ label: string, mark: import("../types.js").Mark, note?: string, beats: import("../types.js").State[], uptime: string }} StateRow
 * @typedef {import("../types.js").View & { rows: StateRow[] }} StatesView
 */

const parts = cachedParts(() => ({ root: h("ul", "things") }));

function createRow() {
  const beats = h("span", "beats");
  beats.setAttribute("aria-hidden", "true");
  return h("li", "", h("span", "thing", "", h("small")), beats, h("span", "uptime"), createMark());
}

/** @param {Element} body @param {StatesView} view */
export function paint(body, view) {
  if (view.rows.length === 0) {
    paintEmpty(body, "The source answered with no things to watch.");
    return;
  }
  syncChildren(parts(body).root, view.rows, createRow, (item, row) => {
    const [labelNode, beats, uptime, stateMark] = /** @type {[Element, Element, Element, HTMLElement]} */ ([...item.children]);
    const note = /** @type {HTMLElement} */ (labelNode.lastElementChild);
    setText(/** @type {Node} */ (labelNode.firstChild), `${row.label} `);
    setText(note, row.note ?? "");
    setVisible(note, row.note !== undefined);
    syncChildren(
      beats,
      row.beats,
      () => h("i"),
      (beat, state) => setAttribute(beat, "data-state", state),
    );
    setText(uptime, row.uptime);
    paintMark(stateMark, row.mark);
  });
}
