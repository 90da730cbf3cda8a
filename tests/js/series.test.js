import assert from "node:assert/strict";
import { test } from "node:test";
import { appendPoints, MAX_POINTS, timeRange, toColumns } from "../../static/js/series.js";

/** @param {number} points @param {number} window milliseconds @returns {import("../../static/js/panels/chart.js").ChartView} */
const chart = (points, window) => ({
  kind: "line",
  times: Array.from({ length: points }, (_, index) => index * 1000),
  series: ["a", "b"].map((label) => ({ label, latest: { text: "0", unit: "" }, values: Array.from({ length: points }, () => 1) })),
  axis: { min: 0, max: 1, ticks: [] },
  window,
  thresholds: [],
  decimals: 0,
  unit: "",
  divisor: 1,
  units: [{ from: 1, unit: "", precision: "general" }],
});

const latest = [
  { text: "1", unit: "" },
  { text: "2", unit: "" },
];

test("a chart that runs for months keeps its window and no more", () => {
  const columns = toColumns(chart(60, 60_000));
  for (let second = 60; second < 100_000; second += 1) {
    assert.ok(appendPoints(columns, { times: [second * 1000], values: [[second], [null]], latest }));
  }
  assert.equal(columns.times.length, 61);
  assert.ok(columns.values.every((column) => column.length === 61));
  assert.deepEqual(timeRange(columns, 0), [99_999 - 60, 99_999]);
});

test("a window too long for memory is cut to the newest points", () => {
  const columns = toColumns(chart(0, 1e12));
  for (let time = 0; time < MAX_POINTS + 10; time += 1) appendPoints(columns, { times: [time], values: [[time], [time]], latest });
  assert.equal(columns.times.length, MAX_POINTS);
  assert.equal(columns.values[0]?.at(-1), MAX_POINTS + 9);
});

test("points for other lines than these are refused and change nothing", () => {
  const columns = toColumns(chart(3, 60_000));
  assert.equal(appendPoints(columns, { times: [4000], values: [[1]], latest }), false);
  assert.equal(appendPoints(columns, { times: [4000], values: [[1], []], latest }), false);
  assert.equal(columns.times.length, 3);
});

test("a chart without points still spans its window", () => {
  assert.deepEqual(timeRange(toColumns(chart(0, 60_000)), 1000), [940, 1000]);
});
