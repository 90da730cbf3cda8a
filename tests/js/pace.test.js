import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Pace } from "../../static/js/pace.js";

test("the first is done at once, and of those that follow too soon only the newest", () => {
  const done = mock.fn();
  /** @type {{ work: () => void, ms: number } | null} */
  let timer = null;
  let now = 0;
  const pace = new Pace(250, {
    later: (work, ms) => (timer = { work, ms }),
    never: (one) => one && one === timer && (timer = null),
    now: () => now,
  });
  pace.ask(() => done(1));
  assert.equal(done.mock.callCount(), 1);
  now = 100;
  pace.ask(() => done(2));
  now = 120;
  pace.ask(() => done(3));
  assert.ok(pace.waiting);
  const waits = /** @type {{ work: () => void, ms: number }} */ (/** @type {unknown} */ (timer));
  assert.equal(waits.ms, 130);
  now = 250;
  waits.work();
  assert.ok(!pace.waiting);
  assert.deepEqual(done.mock.calls.map((call) => call.arguments[0]), [1, 3]);
});

test("a clock that is set back does not make anybody wait for it", () => {
  let waited = 0;
  let now = 1_000_000;
  const pace = new Pace(250, { later: (_work, ms) => (waited = ms), never: () => {}, now: () => now });
  pace.ask(() => {});
  now = 0;
  pace.ask(() => {});
  assert.equal(waited, 250);
});
