import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffDelay, FIRST_CEILING_MS, MAX_DELAY_MS, MAX_RETRY_AFTER_MS, MIN_DELAY_MS } from "../../static/js/backoff.js";

test("waits double up to the ceiling, and never beyond it", () => {
  const longest = (/** @type {number} */ attempt) => backoffDelay(attempt, () => 1);
  assert.equal(longest(0), FIRST_CEILING_MS);
  assert.equal(longest(1), 2 * FIRST_CEILING_MS);
  assert.equal(longest(3), 8 * FIRST_CEILING_MS);
  assert.equal(longest(50), MAX_DELAY_MS);
  assert.equal(longest(1e9), MAX_DELAY_MS);
});

test("waits are spread over the whole room, but are never nothing", () => {
  assert.equal(backoffDelay(10, () => 0), MIN_DELAY_MS);
  assert.equal(backoffDelay(10, () => 0.5), MAX_DELAY_MS / 2);
});

test("a server that says when to come back is obeyed, within reason", () => {
  assert.equal(backoffDelay(0, () => 0.5, 7000), 7000);
  assert.equal(backoffDelay(0, () => 0.5, 0), MIN_DELAY_MS);
  assert.equal(backoffDelay(0, () => 0.5, 1e12), MAX_RETRY_AFTER_MS);
  assert.equal(backoffDelay(0, () => 1, NaN), FIRST_CEILING_MS);
});
