import assert from "node:assert/strict";
import { test } from "node:test";
import { Live } from "../../static/js/live.js";

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

/** A browser made of plain values, with a clock that moves only when told. */
function house({ status = 200 } = {}) {
  const world = {
    now: 1_000_000,
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
    { live: "/live/ops?city=LA", events: "/events/ops?city=LA", epoch: "e", seq: 41 },
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
  await Promise.resolve();
  await Promise.resolve();
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
  world.live.transport = "events";
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
