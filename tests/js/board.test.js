/** The board without a document: only what decides which panel is painted, and what happens when one cannot be. */
import assert from "node:assert/strict";
import { mock, test } from "node:test";

/** @typedef {import("../../static/js/board.js").Panel} Panel */

/** The frame that was asked for. @type {(() => void) | null} */
let asked = null;

Object.assign(globalThis, {
  ResizeObserver: class {},
  IntersectionObserver: class {},
  addEventListener() {},
  document: { hidden: true, addEventListener() {} },
  requestAnimationFrame: (/** @type {() => void} */ work) => (asked = work),
  // The board's clock ticks for as long as the page lives; here it would keep the test alive.
  setInterval: () => 0,
});
const { alarmText, Board, missingPainter } = await import("../../static/js/board.js");

/** @param {(body: any, view: any) => void} paint @returns {Panel} */
const panel = (paint) => /** @type {any} */ ({ title: "A panel", body: {}, painter: { paint, append: paint }, age: { render() {} }, announced: "" });

/** @param {Record<string, Panel>} panels */
function createBoard(panels) {
  const board = new Board(/** @type {any} */ ({ querySelectorAll: () => [], removeAttribute() {} }), /** @type {any} */ ({ announce() {} }), new Map());
  board.panels = new Map(Object.entries(panels));
  return board;
}

/** The browser comes to paint. */
function frame() {
  const work = asked;
  asked = null;
  assert.ok(work, "no paint was asked for");
  work();
}

const view = /** @type {any} */ ({ kind: "stat" });
const broken = () => {
  throw new TypeError("view.marks is undefined");
};

test("however many batches come between two frames, a panel is painted once, and the latest wins", () => {
  const painted = mock.fn();
  const board = createBoard({ one: panel(painted) });
  for (let at = 1; at <= 1000; at += 1) board.applyBatch({ one: { at, view: { ...view, at } } });
  frame();
  assert.equal(painted.mock.callCount(), 1);
  assert.equal(painted.mock.calls[0]?.arguments[1].at, 1000);
  assert.equal(asked, null, "and no other frame is asked for");
});

test("a panel that cannot be painted does not stop the others, nor the next paint", (t) => {
  const told = t.mock.method(console, "error", () => {});
  const painted = mock.fn();
  const board = createBoard({ bad: panel(broken), good: panel(painted) });
  for (let round = 1; round <= 3; round += 1) {
    board.applyBatch({ bad: { at: round, view }, good: { at: round, view } });
    frame();
    assert.equal(painted.mock.callCount(), round);
  }
  assert.equal(told.mock.callCount(), 1, "told once, not with each batch");
  assert.match(String(told.mock.calls[0]?.arguments[0]), /bad/);
});

test("a panel that cannot be painted does not pass for fresh, and is well again with the next reading that can be", (t) => {
  t.mock.method(console, "error", () => {});
  let fails = true;
  const one = panel(() => fails && broken());
  const board = createBoard({ one });
  one.age.at = 1;
  board.applyBatch({ one: { at: 2, view } });
  frame();
  assert.equal(one.age.at, 1);
  assert.match(one.age.trouble?.reason ?? "", /could not be drawn/);
  fails = false;
  board.applyBatch({ one: { at: 3, view } });
  frame();
  assert.equal(one.age.at, 3);
  assert.equal(one.age.trouble, undefined);
});

test("a chart that cannot be painted from the first paint leaves the page its beginning", (t) => {
  t.mock.method(console, "error", () => {});
  const painted = mock.fn();
  createBoard({ bad: panel(broken), good: panel(painted) }).hydrate({ bad: { at: 1, view }, good: { at: 1, view } });
  assert.equal(painted.mock.callCount(), 1);
});

test("a panel whose script is missing tells so with its first news, and goes on telling it", (t) => {
  t.mock.method(console, "error", () => {});
  for (const news of [{ view }, { append: /** @type {any} */ ({}) }]) {
    const one = panel(() => {});
    one.painter = missingPainter(new TypeError("Failed to fetch"));
    const board = createBoard({ one });
    board.hydrate({ one: { at: 1, view } });
    assert.equal(one.age.trouble === undefined, true, "the server has painted that");
    for (const next of [{ at: 2, ...news }, { at: 3 }]) {
      board.applyBatch({ one: next });
      frame();
      assert.equal(one.age.at, 1);
      assert.match(one.age.trouble?.reason ?? "", /could not be drawn/);
    }
  }
});

test("a chart, too, tells by its points what needs a look, once, and when all is well again", () => {
  const one = panel(() => {});
  const board = createBoard({ one });
  /** @type {string[]} */
  const said = [];
  /** @type {string[]} */
  const titles = [];
  board.announcer = /** @type {any} */ ({ announce: (/** @type {string} */ _key, /** @type {string} */ message) => said.push(message) });
  board.onMarks = (marked) => titles.push(alarmText(marked));
  const points = (/** @type {number} */ at) => /** @type {any} */ ({ times: [at], values: [[1]], latest: [{ text: "1", unit: "" }] });
  const critical = { state: /** @type {const} */ ("bad"), word: "critical" };
  for (const append of [points(1), { ...points(2), mark: critical }, { ...points(3), mark: critical }, points(4)]) {
    board.applyBatch({ one: { at: append.times[0], append } });
    frame();
  }
  assert.deepEqual(said, ["A panel: critical", "A panel is well again"]);
  assert.deepEqual(titles, ["✕ A panel: critical", ""]);
  assert.equal(alarmText([{ title: "A", mark: { state: "warn", word: "high" } }, { title: "B", mark: { state: "warn", word: "low" } }]), "▲ 2 problems");
});
