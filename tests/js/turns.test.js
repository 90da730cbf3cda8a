import assert from "node:assert/strict";
import { test } from "node:test";
import { AT_ONCE, Turns } from "../../static/js/panels/turns.js";

/** So many charts in view, and what was drawn of them. */
function house(count = 0) {
  /** @type {number[]} */
  let drawn = [];
  /** @type {(() => void)[]} */
  const frames = [];
  const turns = new Turns((/** @type {number} */ one) => drawn.push(one), (work) => frames.push(work));
  const charts = Array.from({ length: count }, (_, index) => index);
  for (const chart of charts) turns.see(chart, true);
  return {
    turns,
    charts,
    frames,
    /** What is drawn once those have news, in this frame. */
    async news(/** @type {number[]} */ of) {
      drawn = [];
      for (const one of of) turns.ask(one);
      await Promise.resolve();
      return drawn;
    },
    /** What is drawn in the next frame. */
    frame() {
      drawn = [];
      frames.shift()?.();
      return drawn;
    },
  };
}

test("a few charts are drawn in the frame that brings their news", async () => {
  const { charts, news, frames } = house(3);
  assert.deepEqual(await news(charts), [0, 1, 2]);
  assert.equal(frames.length, 0);
});

test("many are drawn over the next frames, each in its turn and no more than once", async () => {
  const { charts, news, frame, frames } = house(AT_ONCE * 2 + 1);
  const first = await news([...charts, ...charts]);
  const drawn = [first, frame(), frame()];
  assert.deepEqual(drawn.map((some) => some.length), [AT_ONCE, AT_ONCE, 1]);
  assert.deepEqual(drawn.flat(), charts);
  assert.equal(frames.length, 0);
});

test("a screen too slow for all its charts draws none of them twice before the others", async () => {
  const { charts, news, frame } = house(AT_ONCE * 3);
  const counts = charts.map(() => 0);
  for (const one of await news(charts)) counts[one] = (counts[one] ?? 0) + 1;
  for (let round = 0; round < 30; round += 1) {
    await news(charts);
    for (const one of frame()) counts[one] = (counts[one] ?? 0) + 1;
  }
  assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, String(counts));
});

test("what is out of view waits, once, and is drawn when it comes into view", async () => {
  const { turns, news } = house(1);
  for (let round = 0; round < 1000; round += 1) assert.deepEqual(await news([7]), []);
  assert.equal(turns.waiting.size, 1);
  turns.see(7, true);
  assert.deepEqual(await news([]), [7]);
  turns.see(7, false);
  assert.deepEqual(await news([7]), []);
});

test("on paper everything is of now", async () => {
  const { turns, charts, news } = house(1);
  await news([5, 6]);
  /** @type {number[]} */
  const drawn = [];
  turns.draw = (one) => drawn.push(one);
  turns.drawAll();
  assert.deepEqual(drawn, [5, 6]);
  assert.equal(turns.waiting.size, 0);
  assert.equal(charts.length, 1);
});

test("what is gone is not drawn and not kept", async () => {
  const { turns, charts, news } = house(2);
  turns.ask(0);
  turns.forget(0);
  assert.deepEqual(await news([]), []);
  turns.forget(1);
  assert.equal(turns.inView.size + turns.waiting.size, 0);
  assert.equal(charts.length, 2);
});
