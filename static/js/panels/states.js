/** Things, and how each is doing. */
import { attribute, h, list, mark, paintEmpty, paintMark, partsOf, show, text } from "../dom.js";

const parts = partsOf(() => ({ root: h("ul", "things") }));

function makeThing() {
  const beats = h("span", "beats");
  beats.setAttribute("aria-hidden", "true");
  return h("li", "", h("span", "thing", "", h("small")), beats, h("span", "uptime"), mark());
}

/** @param {Element} body @param {import("../types.js").StatesView} view */
export function paint(body, view) {
  if (view.rows.length === 0) {
    paintEmpty(body, "The source answered with no things to watch.");
    return;
  }
  list(parts(body).root, view.rows, makeThing, (item, row) => {
    const [thing, beats, uptime, judged] = /** @type {[Element, Element, Element, HTMLElement]} */ ([...item.children]);
    const note = /** @type {HTMLElement} */ (thing.lastElementChild);
    text(/** @type {Node} */ (thing.firstChild), `${row.label} `);
    text(note, row.note ?? "");
    show(note, row.note !== undefined);
    list(
      beats,
      row.beats,
      () => h("i"),
      (beat, state) => attribute(beat, "data-state", state),
    );
    text(uptime, row.uptime);
    paintMark(judged, row.mark);
  });
}
