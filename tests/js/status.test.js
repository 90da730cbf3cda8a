/** The bar and the notice, over plain objects that stand for their elements. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionStatus } from "../../static/js/status.js";

/** @typedef {import("../../static/js/types.js").ConnectionState} ConnectionState */

test("the notice that a page is gone goes away when the page is back", () => {
  const element = () => ({ hidden: true, textContent: "", getAttribute: () => null, setAttribute() {}, querySelector: () => null });
  const words = element();
  const notice = { ...element(), querySelector: (/** @type {string} */ name) => (name === ".words" ? words : null) };
  const bar = { ...element(), querySelector: element };
  /** @type {string[]} */
  const said = [];
  Object.defineProperty(globalThis, "navigator", { value: { onLine: true }, configurable: true });
  Object.assign(globalThis, { document: { title: "Operations · Belvedere", querySelectorAll: () => [] } });
  const status = new ConnectionStatus(/** @type {any} */ (bar), /** @type {any} */ (notice), /** @type {any} */ ({ announce: (/** @type {string} */ _thing, /** @type {string} */ line) => said.push(line) }));

  status.set({ kind: "live" });
  assert.ok(notice.hidden);
  status.set({ kind: "reconnecting", at: 0, since: Date.now(), reason: "gone" });
  assert.ok(!notice.hidden);
  assert.match(words.textContent, /gone for now/);
  assert.match(document.title, /^Gone since .* · Operations/);
  status.set({ kind: "live" });
  assert.ok(notice.hidden);
  assert.match(document.title, /Operations · Live/);
});
