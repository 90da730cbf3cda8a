/** Text panel: the author's words. */
import { cachedParts, h } from "../dom.js";

/**
 * @typedef {import("../types.js").View & { html: string }} TextView
 */

const parts = cachedParts(() => ({ root: h("div", "prose"), html: "" }));

/** @param {Element} body @param {TextView} view */
export function paint(body, view) {
  const part = parts(body);
  if (part.html === view.html) return;
  part.html = view.html;
  // The server sanitised it when it made the view; no other text ever becomes markup here.
  part.root.innerHTML = view.html;
}
