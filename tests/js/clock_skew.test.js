import assert from "node:assert/strict";
import { test } from "node:test";
import { ClockSkew, WINDOW_MS } from "../../static/js/clock_skew.js";

/** Ten batches over ten seconds, as a server hears itself `ahead` of us. @param {ClockSkew} skew @param {number} from @param {number} ahead */
function addSamples(skew, from, ahead) {
  // Each tenth message is delayed less than the others.
  for (let count = 0; count < 10; count += 1) skew.addSample(from + count * 1000 + ahead - (count === 5 ? 5 : 80), from + count * 1000);
}

test("the least delayed message tells the difference", () => {
  const skew = new ClockSkew();
  assert.equal(skew.offset, 0);
  addSamples(skew, 1_000_000, 3000);
  assert.equal(skew.offset, 2995);
});

test("a clock that drifts for months never makes panels late by more than the drift of minutes", () => {
  const skew = new ClockSkew();
  // Ours gains 10 ms a minute: in thirty days, more than seven minutes.
  const minutes = 30 * 24 * 60;
  for (let minute = 0; minute < minutes; minute += 1) skew.addSample(minute * 60_000, minute * 60_000 + minute * 10);
  const truth = -(minutes - 1) * 10;
  assert.ok(skew.offset - truth <= (2 * WINDOW_MS) / 60_000 * 10, `off by ${skew.offset - truth} ms`);
});

test("a server whose clock is set back is believed within minutes", () => {
  const skew = new ClockSkew();
  let now = 1_000_000;
  addSamples(skew, now, 60_000);
  const setAt = now + 10_000;
  for (now = setAt; now < setAt + 2 * WINDOW_MS; now += 10_000) addSamples(skew, now, 0);
  assert.equal(skew.offset, -5);
});

test("our own clock, when it is set, is noticed at the next message", () => {
  for (const step of [-3_600_000, 3_600_000]) {
    const skew = new ClockSkew();
    addSamples(skew, 10_000_000, 0);
    skew.addSample(10_010_000, 10_010_000 + step);
    assert.equal(skew.offset, -step);
  }
});

test("a quiet page keeps what it knows, and forgetting takes the next message at its word", () => {
  const skew = new ClockSkew();
  skew.addSample(5000, 1000);
  assert.equal(skew.offset, 4000);
  skew.reset();
  assert.equal(skew.offset, 4000);
  skew.addSample(2000, 2000);
  assert.equal(skew.offset, 0);
});
