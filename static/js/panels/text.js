/** The author's words. */
import { h, partsOf } from "../dom.js";

const parts = partsOf(() => ({ root: h("div", "prose"), html: "" }));

/** @param {Element} body @param {import("../types.js").TextView} view */
export function paint(body, view) {
  const shown = parts(body);
  if (shown.html === view.html) return;
  shown.html = view.html;
  // The server sanitised it when it made the view; no other text ever becomes markup here.
  shown.root.innerHTML = view.html;
}
