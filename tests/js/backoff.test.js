import assert from "node:assert/strict";
import { test } from "node:test";
import { CEILING_MS, FIRST_MS, FLOOR_MS, LONGEST_ASKED_MS, wait } from "../../static/js/backoff.js";

test("waits double up to the ceiling, and never beyond it", () => {
  const longest = (/** @type {number} */ attempt) => wait(attempt, () => 1);
  assert.equal(longest(0), FIRST_MS);
  assert.equal(longest(1), 2 * FIRST_MS);
  assert.equal(longest(3), 8 * FIRST_MS);
  assert.equal(longest(50), CEILING_MS);
  assert.equal(longest(1e9), CEILING_MS);
});

test("waits are spread over the whole room, but are never nothing", () => {
  assert.equal(wait(10, () => 0), FLOOR_MS);
  assert.equal(wait(10, () => 0.5), CEILING_MS / 2);
});

test("a server that says when to come back is obeyed, within reason", () => {
  assert.equal(wait(0, () => 0.5, 7000), 7000);
  assert.equal(wait(0, () => 0.5, 0), FLOOR_MS);
  assert.equal(wait(0, () => 0.5, 1e12), LONGEST_ASKED_MS);
  assert.equal(wait(0, () => 1, NaN), FIRST_MS);
});
