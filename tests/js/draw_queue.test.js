import assert from "node:assert/strict";
import { test } from "node:test";
import { DrawQueue, MAX_PER_FRAME } from "../../static/js/panels/draw_queue.js";

/** A queue with so many charts in view, and what was drawn of them. */
function setUp(count = 0) {
  /** @type {number[]} */
  let drawn = [];
  /** @type {(() => void)[]} */
  const frames = [];
  const queue = new DrawQueue((/** @type {number} */ one) => drawn.push(one), (work) => frames.push(work));
  const charts = Array.from({ length: count }, (_, index) => index);
  for (const chart of charts) queue.setInView(chart, true);
  return {
    queue,
    charts,
    frames,
    /** Marks those as out of date, and returns what is drawn in this frame. */
    async news(/** @type {number[]} */ of) {
      drawn = [];
      for (const one of of) queue.enqueue(one);
      await Promise.resolve();
      return drawn;
    },
    /** Runs the next frame, and returns what is drawn in it. */
    frame() {
      drawn = [];
      frames.shift()?.();
      return drawn;
    },
  };
}

test("a few charts are drawn in the frame that brings their news", async () => {
  const { charts, news, frames } = setUp(3);
  assert.deepEqual(await news(charts), [0, 1, 2]);
  assert.equal(frames.length, 0);
});

test("many are drawn over the next frames, each in its turn and no more than once", async () => {
  const { charts, news, frame, frames } = setUp(MAX_PER_FRAME * 2 + 1);
  const first = await news([...charts, ...charts]);
  const drawn = [first, frame(), frame()];
  assert.deepEqual(drawn.map((some) => some.length), [MAX_PER_FRAME, MAX_PER_FRAME, 1]);
  assert.deepEqual(drawn.flat(), charts);
  assert.equal(frames.length, 0);
});

test("a screen too slow for all its charts draws none of them twice before the others", async () => {
  const { charts, news, frame } = setUp(MAX_PER_FRAME * 3);
  const counts = charts.map(() => 0);
  for (const one of await news(charts)) counts[one] = (counts[one] ?? 0) + 1;
  for (let round = 0; round < 30; round += 1) {
    await news(charts);
    for (const one of frame()) counts[one] = (counts[one] ?? 0) + 1;
  }
  assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, String(counts));
});

test("what is out of view waits, once, and is drawn when it comes into view", async () => {
  const { queue, news } = setUp(1);
  for (let round = 0; round < 1000; round += 1) assert.deepEqual(await news([7]), []);
  assert.equal(queue.pending.size, 1);
  queue.setInView(7, true);
  assert.deepEqual(await news([]), [7]);
  queue.setInView(7, false);
  assert.deepEqual(await news([7]), []);
});

test("on paper everything is of now", async () => {
  const { queue, charts, news } = setUp(1);
  await news([5, 6]);
  /** @type {number[]} */
  const drawn = [];
  queue.draw = (one) => drawn.push(one);
  queue.drawAll();
  assert.deepEqual(drawn, [5, 6]);
  assert.equal(queue.pending.size, 0);
  assert.equal(charts.length, 1);
});

test("what is gone is not drawn and not kept", async () => {
  const { queue, charts, news } = setUp(2);
  queue.enqueue(0);
  queue.remove(0);
  assert.deepEqual(await news([]), []);
  queue.remove(1);
  assert.equal(queue.inView.size + queue.pending.size, 0);
  assert.equal(charts.length, 2);
});
