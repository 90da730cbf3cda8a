import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { figureText } from "../../static/js/dom.js";
import { readout } from "../../static/js/readout.js";

/** The server's own units and texts: its tests hold this file true. */
const groups = JSON.parse(readFileSync(new URL("./readout.json", import.meta.url), "utf8"));

test("a value is written as the server writes it, in the unit of its own size", () => {
  for (const { unit, units, values } of groups) {
    for (const [value, text] of values) assert.equal(figureText(readout(units, value)), text, `${value} ${unit}`);
  }
});

test("values near to each other are told apart by the decimals of the axis", () => {
  const [{ units }] = groups;
  assert.equal(figureText(readout(units, 20.5312 * 1024, ({ from }) => (from === 1024 ? 3 : 0))), "20.531 KiB/s");
  assert.equal(figureText(readout(units, 20, ({ from }) => (from === 1024 ? 3 : 0))), "20 B/s", "the axis has another unit");
});
