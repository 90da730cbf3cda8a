import assert from "node:assert/strict";
import { test } from "node:test";
import { joinAppends, MAX_POINTS, mergeFrame, mergeInto } from "../../static/js/merge.js";

/** @typedef {import("../../static/js/types.js").Frame} Frame */

/** @param {string} text @returns {import("../../static/js/panels/stat.js").StatView} */
const stat = (text) => ({ kind: "stat", figure: { text, unit: "" } });

/** @param {number} time @param {...(number | null)} values @returns {import("../../static/js/types.js").Append} */
const append = (time, ...values) => ({
  times: [time],
  values: values.map((value) => [value]),
  latest: values.map((value) => ({ text: String(value), unit: "%" })),
});

test("the later view wins, with its moment and its trouble", () => {
  /** @type {Frame} */
  const later = { at: 2, view: stat("2") };
  assert.deepEqual(mergeFrame({ at: 1, view: stat("1"), trouble: { reason: "x", since: 0, retry_at: 1 } }, later), later);
});

test("new points are added up, none is lost and none comes twice", () => {
  const merged = mergeFrame(mergeFrame({ at: 1, append: append(1, 10, 20) }, { at: 2, append: append(2, 11, null) }), {
    at: 3,
    append: append(3, 12, 22),
  });
  assert.deepEqual(merged.append?.times, [1, 2, 3]);
  assert.deepEqual(merged.append?.values, [
    [10, 11, 12],
    [20, null, 22],
  ]);
  assert.equal(merged.append?.latest[1]?.text, "22");
  assert.equal(merged.at, 3);
});

test("points before a view are part of it; points after it stay", () => {
  const merged = mergeFrame(mergeFrame({ append: append(1, 1) }, { at: 2, view: stat("v") }), { at: 3, append: append(3, 3) });
  assert.deepEqual(merged.view, stat("v"));
  assert.deepEqual(merged.append?.times, [3]);
});

test("an axis that changed is kept until another one comes", () => {
  const axis = { min: 0, max: 10, ticks: [] };
  assert.equal(joinAppends({ ...append(1, 1), axis }, append(2, 2)).axis, axis);
});

test("trouble that has passed is not carried on", () => {
  const merged = mergeFrame({ at: 1, trouble: { reason: "503", since: 0, retry_at: 5 } }, { at: 2, append: append(2, 1) });
  assert.equal(merged.trouble, undefined);
});

test("what waits is bounded, and the newest stays", () => {
  /** @type {Map<string, Frame>} */
  const waiting = new Map();
  for (let time = 0; time < MAX_POINTS + 100; time += 1) mergeInto(waiting, { cpu: { at: time, append: append(time, time) } });
  const points = waiting.get("cpu")?.append;
  assert.equal(points?.times.length, MAX_POINTS);
  assert.equal(points?.values[0]?.length, MAX_POINTS);
  assert.equal(points?.times.at(-1), MAX_POINTS + 99);
});
