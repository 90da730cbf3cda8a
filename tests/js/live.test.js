import assert from "node:assert/strict";
import { test } from "node:test";
import { Live, MOVE_EVERY_MS, RELOAD_REST_MS } from "../../static/js/live.js";

/** @typedef {import("../../static/js/types.js").Connection} Connection */

/** A line that the test holds at the other end. */
class Line {
  /** @param {string} url */
  constructor(url) {
    this.url = url;
    /** @type {unknown[]} */
    this.said = [];
    this.closed = false;
    /** @type {((event: any) => void) | null} */
    this.onmessage = null;
    /** @type {((event: any) => void) | null} */
    this.onclose = null;
    /** @type {((event: any) => void) | null} */
    this.onerror = null;
  }
  send(/** @type {string} */ text) {
    this.said.push(JSON.parse(text));
  }
  close() {
    this.closed = true;
  }
  hear(/** @type {object} */ message) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  break(code = 1006) {
    if (this.onclose) this.onclose({ code });
    else this.onerror?.({});
  }
}

const LOADED_AT = 1_000_000;

/** A browser made of plain values, with a clock that moves only when told. */
function house({ status = 200 } = {}) {
  const world = {
    now: LOADED_AT + 3_600_000,
    reloads: 0,
    /** @type {Line[]} */
    lines: [],
    /** @type {{ at: number, work: () => void }[]} */
    timers: [],
    /** @type {Connection[]} */
    states: [],
    /** @type {[string, object][]} */
    heard: [],
    status,
    line: () => /** @type {Line} */ (world.lines.at(-1)),
    state: () => /** @type {Connection} */ (world.states.at(-1)),
    passes(/** @type {number} */ ms) {
      const until = world.now + ms;
      for (;;) {
        const next = world.timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
        if (!next) break;
        world.now = next.at;
        world.timers.splice(world.timers.indexOf(next), 1);
        next.work();
      }
      world.now = until;
    },
    live: /** @type {Live} */ (/** @type {unknown} */ (null)),
  };
  const dial = (/** @type {string} */ url) => {
    const line = new Line(url);
    world.lines.push(line);
    return /** @type {any} */ (line);
  };
  world.live = new Live(
    { live: "/live/ops?city=LA", events: "/events/ops?city=LA", epoch: "e", seq: 41, revision: "r1" },
    {
      state: (connection) => world.states.push(connection),
      snapshot: (panels) => world.heard.push(["snapshot", panels]),
      batch: (panels) => world.heard.push(["batch", panels]),
    },
    {
      socket: dial,
      events: (url) => {
        const line = dial(url);
        delete line.onclose;
        return line;
      },
      probe: async () => world.status,
      reload: () => (world.reloads += 1),
      age: () => world.now - LOADED_AT,
      later: (work, ms) => {
        const timer = { at: world.now + ms, work };
        world.timers.push(timer);
        return timer;
      },
      never: (timer) => {
        const index = world.timers.indexOf(timer);
        if (index >= 0) world.timers.splice(index, 1);
      },
      now: () => world.now,
      random: () => 0.5,
      base: "http://localhost/p/ops?city=LA",
    },
  );
  world.live.connect();
  return world;
}

/** What was promised by now has been kept. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

const hello = { type: "hello", epoch: "e", seq: 41, heartbeat: 25 };
const batch = (/** @type {number} */ seq) => ({ type: "batch", seq, sent: 0, panels: { cpu: { at: seq } } });
const snapshot = (/** @type {number} */ seq, epoch = "e") => ({ type: "snapshot", epoch, seq, panels: { cpu: { at: seq } } });

test("a page goes on from its first paint, and a new line from the last batch", () => {
  const world = house();
  assert.match(world.line().url, /epoch=e&seq=41$/);
  world.line().hear(hello);
  world.line().hear(batch(42));
  world.line().hear(batch(43));
  world.line().break();
  world.passes(60_000);
  assert.match(/** @type {Line} */ (world.lines[1]).url, /city=LA&epoch=e&seq=43$/);
  assert.equal(world.heard.length, 2);
});

test("a batch that came before is not applied twice", () => {
  const world = house();
  world.line().hear(hello);
  for (const seq of [41, 42, 42]) world.line().hear(batch(seq));
  assert.equal(world.heard.length, 1);
});

test("a gap is never painted over: the state is asked for anew", () => {
  const world = house();
  world.line().hear(hello);
  world.line().hear(batch(44));
  assert.equal(world.heard.length, 0);
  world.passes(1000);
  assert.doesNotMatch(world.line().url, /seq=/);
});

test("batches of another epoch wait for a snapshot", () => {
  const world = house();
  world.line().hear({ ...hello, epoch: "new" });
  world.line().hear(batch(42));
  assert.equal(world.heard.length, 0);
  world.line().hear(snapshot(5, "new"));
  world.line().hear(batch(6));
  assert.deepEqual(world.heard.map(([kind]) => kind), ["snapshot", "batch"]);
});

test("pings are answered", () => {
  const world = house();
  world.line().hear(hello);
  world.line().hear({ type: "ping" });
  assert.deepEqual(world.line().said, [{ type: "pong" }]);
});

test("a silent line is dead after two heartbeats", () => {
  const world = house();
  world.line().hear(hello);
  world.passes(49_999);
  assert.equal(world.state().kind, "live");
  world.passes(1);
  assert.equal(world.state().kind, "reconnecting");
});

test("a server that never says hello is left, and events are tried after two such lines", () => {
  const world = house();
  world.passes(10_000);
  assert.equal(world.state().kind, "reconnecting");
  world.passes(1000);
  assert.match(world.line().url, /^ws:/);
  world.line().break();
  world.passes(1000);
  assert.match(world.line().url, /^http:.*\/events\/ops/);
  world.line().hear(hello);
  world.line().hear(batch(42));
  assert.equal(world.state().kind, "live");
  assert.equal(world.heard.length, 1);
});

test("a line that had said hello comes back as a socket however often it breaks", () => {
  const world = house();
  for (let round = 0; round < 5; round += 1) {
    world.line().hear(hello);
    world.line().break();
    while (world.live.retry !== null) world.passes(100);
    assert.match(world.line().url, /^ws:/);
  }
});

test("reconnecting goes on for ever, never more than the ceiling apart", () => {
  const world = house();
  for (let attempt = 0; attempt < 200; attempt += 1) {
    world.line().break();
    const before = world.lines.length;
    world.passes(30_000);
    assert.ok(world.lines.length > before, `no attempt after the ${attempt}th loss`);
  }
  assert.ok(world.timers.length <= 2);
});

for (const reason of ["signed-out", "expired", "revoked"]) {
  test(`bye ${reason} ends it at once and for good`, () => {
    const world = house();
    world.line().hear(hello);
    world.line().hear({ type: "bye", reason });
    assert.deepEqual(world.state(), { kind: "signed-out", reason });
    world.passes(3_600_000);
    assert.equal(world.lines.length, 1);
    assert.equal(world.live.choose({ city: "NYC" }), false);
  });
}

test("close codes end it: 4401 to sign in again, 4403 not allowed", () => {
  for (const [code, kind] of /** @type {[number, string][]} */ ([[4401, "signed-out"], [4403, "refused"]])) {
    const world = house();
    world.line().hear(hello);
    world.line().break(code);
    assert.equal(world.state().kind, kind);
  }
});

test("over events, which have no close code, the reason alone ends it", () => {
  for (const [reason, kind] of [["sign-in", "signed-out"], ["not-allowed", "refused"], ["revoked", "signed-out"], ["second-factor", "signed-out"]]) {
    const world = house();
    world.line().hear(hello);
    world.line().hear({ type: "bye", reason });
    assert.equal(world.state().kind, kind);
    world.passes(600_000);
    assert.equal(world.lines.length, 1, "nobody dials again");
  }
});

test("a server that shuts down is asked again when it said", () => {
  const world = house();
  world.line().hear(hello);
  world.line().hear({ type: "bye", reason: "shutdown", retry_ms: 7000 });
  world.line().break(1001);
  world.passes(6999);
  assert.equal(world.lines.length, 1);
  world.passes(1);
  assert.equal(world.lines.length, 2);
});

test("a refused upgrade of a dead session is told from a lost network", async () => {
  const world = house({ status: 401 });
  world.line().break();
  await settled();
  assert.equal(world.state().kind, "signed-out");
});

test("a hidden tab reads nothing, and catches up from where it stopped", () => {
  const world = house();
  world.line().hear(hello);
  world.line().hear(batch(42));
  world.live.pause();
  world.line().hear(batch(43));
  world.line().hear(batch(44));
  assert.equal(world.heard.length, 1);
  world.live.resume();
  assert.match(world.line().url, /seq=42$/);
  world.line().hear(hello);
  world.line().hear(batch(43));
  assert.equal(world.heard.length, 2);
});

test("a hidden tab still hears that the session has ended", () => {
  const world = house();
  world.line().hear(hello);
  world.live.pause();
  world.line().hear({ type: "bye", reason: "signed-out" });
  assert.equal(world.state().kind, "signed-out");
});

test("other inputs go over the open line, and the old channel's batches are not painted", () => {
  const world = house();
  world.line().hear(hello);
  assert.ok(world.live.choose({ city: "NYC" }));
  assert.deepEqual(world.line().said, [{ type: "inputs", values: { city: "NYC" } }]);
  world.line().hear(batch(42));
  assert.equal(world.heard.length, 0);
  world.line().hear(snapshot(3, "nyc"));
  assert.equal(world.heard.length, 1);
  world.line().break();
  world.passes(60_000);
  assert.match(/** @type {Line} */ (world.lines[1]).url, /city=NYC&epoch=nyc&seq=3$/);
});

test("inputs whose snapshot does not come are asked for on a new line", () => {
  const world = house();
  world.line().hear(hello);
  world.live.choose({ city: "NYC" });
  world.line().hear(batch(42));
  world.passes(6000);
  assert.match(world.line().url, /city=NYC$/);
  assert.equal(world.lines.length, 2);
});

test("over events, other inputs are another stream", () => {
  const world = house();
  world.live.comeback.transport = "events";
  world.live.connect();
  world.line().hear(hello);
  world.live.choose({ city: "MTL" });
  assert.match(world.line().url, /\/events\/ops\?city=MTL$/);
});

test("half a message breaks the line, not the page", () => {
  const world = house();
  world.line().hear(hello);
  world.line().onmessage?.({ data: '{"type":"bat' });
  assert.equal(world.state().kind, "reconnecting");
  assert.ok(/** @type {Line} */ (world.lines[0]).closed);
});

test("a page that has changed is loaded anew, and nothing of its channel is shown on the old one", () => {
  const world = house();
  world.line().hear({ ...hello, revision: "r1" });
  world.line().hear({ type: "bye", reason: "changed", retry_ms: 400 });
  world.line().break(1001);
  world.passes(399);
  assert.equal(world.lines.length, 1);
  world.passes(1);
  const line = world.line();
  line.hear({ ...hello, epoch: "new", revision: "r2" });
  line.hear(snapshot(1, "new"));
  line.hear(batch(2));
  assert.equal(world.reloads, 1);
  assert.deepEqual(world.heard, []);
  assert.ok(line.closed);
  assert.notEqual(world.state().kind, "live");
  world.passes(3_600_000);
  assert.equal(world.reloads, 1);
});

test("the same revision after a change of nothing goes on without loading the page", () => {
  const world = house();
  world.line().hear({ ...hello, revision: "r1" });
  world.line().hear(batch(42));
  assert.equal(world.reloads, 0);
  assert.equal(world.heard.length, 1);
});

test("a side that says no revision is not compared", () => {
  const world = house();
  world.line().hear(hello);
  assert.equal(world.state().kind, "live");
  const other = house();
  other.live.revision = null;
  other.line().hear({ ...hello, revision: "r2" });
  assert.equal(other.state().kind, "live");
  assert.equal(world.reloads + other.reloads, 0);
});

test("a page that was loaded just now asks once more before it is loaded again, so that it cannot go in circles", () => {
  const world = house();
  world.now = LOADED_AT + 1000;
  world.line().hear({ ...hello, revision: "r2" });
  assert.equal(world.reloads, 0);
  assert.equal(world.state().kind, "reconnecting");
  world.passes(RELOAD_REST_MS - 1001);
  assert.equal(world.lines.length, 1);
  world.passes(1);
  world.line().hear({ ...hello, revision: "r2" });
  assert.equal(world.reloads, 1);
  assert.deepEqual(world.heard, []);
});

/** @param {Connection} state */
const gone = (state) => state.kind === "reconnecting" && state.why === "gone";

test("a page that is gone is asked for, slowly and for ever, over the socket that says so", () => {
  const world = house();
  world.line().hear(hello);
  for (let round = 0; round < 50; round += 1) {
    assert.match(world.line().url, /^ws:/);
    world.line().hear({ type: "bye", reason: "gone", retry_ms: 500 });
    world.line().break(1001);
    assert.ok(gone(world.state()));
    const { lines, now } = world;
    const before = lines.length;
    while (lines.length === before) world.passes(100);
    const waited = world.now - now;
    assert.ok(waited <= 30_100, `forgotten for ${waited} ms`);
    // Half of the ceiling: in this house, chance is always in the middle.
    if (round > 8) assert.ok(waited >= 15_000, `asked again after ${waited} ms`);
  }
  world.line().hear({ ...hello, revision: "r1" });
  assert.equal(world.state().kind, "live");
});

test("who cannot be confirmed for now comes back when asked to, and is told why until then", () => {
  const world = house();
  world.line().hear(hello);
  for (let round = 0; round < 3; round += 1) {
    const { lines } = world;
    const before = lines.length;
    world.line().hear({ type: "bye", reason: "unconfirmed", retry_ms: 3000 });
    world.line().break(1013);
    const state = world.state();
    assert.ok(state.kind === "reconnecting" && state.why === "unconfirmed");
    world.passes(3000);
    assert.equal(lines.length, before + 1);
    assert.match(world.line().url, /^ws:/);
  }
  world.line().hear(hello);
  assert.equal(world.state().kind, "live");
});

test("a page that is back with other panels is loaded anew", () => {
  const world = house();
  world.line().hear(hello);
  world.line().hear({ type: "bye", reason: "gone", retry_ms: 2000 });
  world.line().break(1001);
  world.passes(2000);
  world.line().hear({ ...hello, revision: "r2" });
  assert.equal(world.reloads, 1);
});

test("a page that answers 404 to the probe is gone, not lost and not ended", async () => {
  const world = house({ status: 404 });
  world.live.comeback.transport = "events";
  world.live.connect();
  world.line().break();
  assert.ok(!gone(world.state()));
  await settled();
  assert.ok(gone(world.state()));
  world.passes(60_000);
  assert.ok(world.lines.length > 2);
});

test("a page that was gone is not called so when the server itself is away", async () => {
  for (const probe of [async () => 503, () => Promise.reject(new TypeError("no network"))]) {
    const world = house();
    world.live.outside.probe = probe;
    world.line().hear(hello);
    world.line().hear({ type: "bye", reason: "gone" });
    world.line().break(1001);
    world.passes(1000);
    world.line().break();
    await settled();
    assert.equal(world.state().kind, "reconnecting");
    assert.ok(!gone(world.state()));
  }
});

test("a page that is gone ends for whoever has been signed out meanwhile", async () => {
  const world = house({ status: 401 });
  world.line().hear({ type: "bye", reason: "gone", retry_ms: 500 });
  world.line().break(1001);
  world.passes(1000);
  world.line().break();
  await settled();
  assert.equal(world.state().kind, "signed-out");
});

test("choices in quick succession are one message, and the last one wins", () => {
  const world = house();
  world.line().hear(hello);
  for (const city of ["NYC", "MTL", "LA", "NYC", "MTL"]) {
    world.live.choose({ city });
    world.passes(20);
  }
  assert.deepEqual(world.line().said, [{ type: "inputs", values: { city: "NYC" } }]);
  world.passes(MOVE_EVERY_MS);
  assert.deepEqual(world.line().said.slice(1), [{ type: "inputs", values: { city: "MTL" } }]);
  world.line().hear(snapshot(3, "mtl"));
  assert.equal(world.heard.length, 1);
});

test("however long a key is held, the server hears at most four choices a second", () => {
  const world = house();
  world.line().hear(hello);
  for (let press = 0; press < 100; press += 1) {
    world.live.choose({ city: String(press) });
    world.passes(30);
  }
  world.passes(MOVE_EVERY_MS);
  const { said } = /** @type {Line} */ (world.lines[0]);
  assert.ok(said.length <= 14, `${said.length} messages in three seconds`);
  assert.deepEqual(said.at(-1), { type: "inputs", values: { city: "99" } });
});

test("the answer to a choice that was taken back is not shown while the last one waits", () => {
  const world = house();
  world.line().hear(hello);
  world.live.choose({ city: "NYC" });
  world.live.choose({ city: "MTL" });
  world.line().hear(snapshot(3, "nyc"));
  world.line().hear(batch(4));
  assert.equal(world.heard.length, 0);
  world.passes(MOVE_EVERY_MS);
  world.line().hear(snapshot(7, "mtl"));
  world.line().hear(batch(8));
  assert.equal(world.heard.length, 2);
});

test("a choice that waits when the line breaks goes into the next line's address, and is not sent again", () => {
  const world = house();
  world.line().hear(hello);
  world.live.choose({ city: "NYC" });
  world.live.choose({ city: "MTL" });
  world.line().hear({ type: "bye", reason: "shutdown", retry_ms: MOVE_EVERY_MS - 50 });
  world.line().break(1001);
  world.passes(MOVE_EVERY_MS - 50);
  assert.match(world.line().url, /city=MTL$/);
  world.line().hear(hello);
  world.passes(1000);
  assert.deepEqual(world.line().said, []);
  assert.equal(world.lines.length, 2);
});

test("a server that has no room is asked again when it said, and whatever happens meanwhile does not hurry it", () => {
  const world = house();
  world.line().hear({ type: "bye", reason: "crowded", retry_ms: 45_000 });
  world.line().break(1013);
  const state = world.state();
  assert.ok(state.kind === "reconnecting" && state.why === "crowded" && state.at === world.now + 45_000);
  world.live.hurry();
  world.live.pause();
  world.live.resume();
  world.live.choose({ city: "NYC" });
  world.passes(44_999);
  assert.equal(world.lines.length, 1);
  world.passes(1);
  assert.equal(world.lines.length, 2);
  assert.match(world.line().url, /^ws:.*city=NYC/);
});

test("a server that has no room for long is asked ever more slowly, however soon it says", () => {
  const world = house();
  for (let round = 0; round < 10; round += 1) {
    world.line().hear({ type: "bye", reason: "crowded", retry_ms: 0 });
    world.line().break(1013);
    const before = world.lines.length;
    // Half of the ceiling: in this house, chance is always in the middle.
    if (round > 6) world.passes(14_900);
    assert.equal(world.lines.length, before);
    while (world.lines.length === before) world.passes(100);
  }
});

test("a restart that takes twenty seconds is waited for, and is over with the next hello", () => {
  const world = house();
  world.line().hear(hello);
  world.line().hear({ type: "bye", reason: "shutdown", retry_ms: 20_000 });
  world.line().break(1001);
  const state = world.state();
  assert.ok(state.kind === "reconnecting" && state.why === "shutdown");
  world.live.hurry();
  world.passes(19_999);
  assert.equal(world.lines.length, 1);
  world.passes(1);
  world.line().hear(hello);
  assert.equal(world.state().kind, "live");
});

test("a server that does not come back from its restart is not said to restart for ever", () => {
  const world = house();
  world.line().hear(hello);
  world.line().hear({ type: "bye", reason: "shutdown", retry_ms: 2000 });
  world.line().break(1001);
  world.passes(2000);
  world.line().break();
  const state = world.state();
  assert.ok(state.kind === "reconnecting" && state.why === null);
});

test("a network that is back ends a wait that nobody asked for", () => {
  const world = house();
  for (let round = 0; round < 9; round += 1) {
    world.line().break();
    world.passes(30_000);
  }
  world.line().break();
  const before = world.lines.length;
  world.live.hurry();
  assert.equal(world.lines.length, before + 1);
});

test("a hidden tab takes no batch apart, however many come, and hears by them that the line is alive", (t) => {
  const world = house();
  world.line().hear(hello);
  world.live.pause();
  const parsed = t.mock.method(JSON, "parse");
  for (let seq = 42; seq < 36_042; seq += 1) {
    world.line().hear(batch(seq));
    world.passes(100);
  }
  assert.equal(parsed.mock.callCount(), 0);
  assert.equal(world.lines.length, 1);
  assert.equal(world.heard.length, 0);
  assert.ok(world.timers.length <= 1);
  world.live.resume();
  assert.match(world.line().url, /seq=41$/);
});

test("a laptop that slept knows at once that its line is dead, though no timer ran", () => {
  const world = house();
  world.line().hear(hello);
  world.now += 8 * 3_600_000;
  world.live.wake();
  assert.ok(/** @type {Line} */ (world.lines[0]).closed);
  assert.equal(world.lines.length, 2);
  assert.match(world.line().url, /epoch=e&seq=41$/);
});

test("a page that stood still for a moment keeps its line", () => {
  const world = house();
  world.line().hear(hello);
  world.now += 20_000;
  world.live.check();
  world.live.wake();
  assert.equal(world.lines.length, 1);
});

test("a frozen page has no line and no timer, and goes on from where it was", () => {
  const world = house();
  world.line().hear(hello);
  world.line().hear(batch(42));
  world.live.rest();
  assert.ok(world.line().closed);
  assert.equal(world.timers.length, 0);
  world.now += 3_600_000;
  world.live.wake();
  assert.equal(world.lines.length, 2);
  assert.match(world.line().url, /seq=42$/);
});

test("whoever has been signed out is not brought back by waking", () => {
  const world = house();
  world.line().hear(hello);
  world.line().hear({ type: "bye", reason: "expired" });
  world.live.rest();
  world.live.wake();
  world.live.hurry();
  assert.equal(world.lines.length, 1);
});
