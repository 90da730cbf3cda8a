import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Throttle } from "../../static/js/throttle.js";

test("the first is done at once, and of those that follow too soon only the newest", () => {
  const done = mock.fn();
  /** @type {{ work: () => void, ms: number } | null} */
  let timer = null;
  let now = 0;
  const throttle = new Throttle(250, {
    setTimer: (work, ms) => (timer = { work, ms }),
    clearTimer: (one) => one && one === timer && (timer = null),
    now: () => now,
  });
  throttle.schedule(() => done(1));
  assert.equal(done.mock.callCount(), 1);
  now = 100;
  throttle.schedule(() => done(2));
  now = 120;
  throttle.schedule(() => done(3));
  assert.ok(throttle.isPending);
  const waits = /** @type {{ work: () => void, ms: number }} */ (/** @type {unknown} */ (timer));
  assert.equal(waits.ms, 130);
  now = 250;
  waits.work();
  assert.ok(!throttle.isPending);
  assert.deepEqual(done.mock.calls.map((call) => call.arguments[0]), [1, 3]);
});

test("a clock that is set back does not make anybody wait for it", () => {
  let waited = 0;
  let now = 1_000_000;
  const pace = new Throttle(250, { setTimer: (_work, ms) => (waited = ms), clearTimer: () => {}, now: () => now });
  pace.schedule(() => {});
  now = 0;
  pace.schedule(() => {});
  assert.equal(waited, 250);
});
