import assert from "node:assert/strict";
import { test } from "node:test";
import { INPUTS_INTERVAL_MS, LiveConnection, RELOAD_INTERVAL_MS } from "../../static/js/live.js";

/** @typedef {import("../../static/js/types.js").ConnectionState} ConnectionState */

/** A connection whose other end the test holds. */
class FakeConnection {
  /** @param {string} url */
  constructor(url) {
    this.url = url;
    /** @type {unknown[]} */
    this.sent = [];
    this.closed = false;
    /** @type {((event: any) => void) | null} */
    this.onmessage = null;
    /** @type {((event: any) => void) | null} */
    this.onclose = null;
    /** @type {((event: any) => void) | null} */
    this.onerror = null;
  }
  send(/** @type {string} */ text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.closed = true;
  }
  deliver(/** @type {object} */ message) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  fail(code = 1006) {
    if (this.onclose) this.onclose({ code });
    else this.onerror?.({});
  }
}

const LOADED_AT = 1_000_000;

/** A connection in an environment made of plain values, with a clock that moves only when told. */
function setUp({ status = 200 } = {}) {
  const world = {
    now: LOADED_AT + 3_600_000,
    reloads: 0,
    /** @type {FakeConnection[]} */
    connections: [],
    /** @type {{ at: number, work: () => void }[]} */
    timers: [],
    /** @type {ConnectionState[]} */
    states: [],
    /** @type {[string, object][]} */
    received: [],
    status,
    connection: () => /** @type {FakeConnection} */ (world.connections.at(-1)),
    state: () => /** @type {ConnectionState} */ (world.states.at(-1)),
    advance(/** @type {number} */ ms) {
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
    live: /** @type {LiveConnection} */ (/** @type {unknown} */ (null)),
  };
  const open = (/** @type {string} */ url) => {
    const connection = new FakeConnection(url);
    world.connections.push(connection);
    return /** @type {any} */ (connection);
  };
  world.live = new LiveConnection(
    { live: "/live/ops?city=LA", events: "/events/ops?city=LA", epoch: "e", seq: 41, revision: "r1" },
    {
      onState: (connection) => world.states.push(connection),
      onSnapshot: (panels) => world.received.push(["snapshot", panels]),
      onBatch: (panels) => world.received.push(["batch", panels]),
    },
    {
      openSocket: open,
      openEventStream: (url) => {
        const connection = open(url);
        delete connection.onclose;
        return connection;
      },
      probePage: async () => world.status,
      reload: () => (world.reloads += 1),
      pageAge: () => world.now - LOADED_AT,
      setTimer: (work, ms) => {
        const timer = { at: world.now + ms, work };
        world.timers.push(timer);
        return timer;
      },
      clearTimer: (timer) => {
        const index = world.timers.indexOf(timer);
        if (index >= 0) world.timers.splice(index, 1);
      },
      now: () => world.now,
      random: () => 0.5,
      baseUrl: "http://localhost/p/ops?city=LA",
    },
  );
  world.live.connect();
  return world;
}

/** Waits until every promise that can be kept by now is kept. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

const hello = { type: "hello", epoch: "e", seq: 41, heartbeat: 25 };
const batch = (/** @type {number} */ seq) => ({ type: "batch", seq, sent: 0, panels: { cpu: { at: seq } } });
const snapshot = (/** @type {number} */ seq, epoch = "e") => ({ type: "snapshot", epoch, seq, panels: { cpu: { at: seq } } });

test("a page goes on from its first paint, and a new connection from the last batch", () => {
  const world = setUp();
  assert.match(world.connection().url, /epoch=e&seq=41$/);
  world.connection().deliver(hello);
  world.connection().deliver(batch(42));
  world.connection().deliver(batch(43));
  world.connection().fail();
  world.advance(60_000);
  assert.match(/** @type {FakeConnection} */ (world.connections[1]).url, /city=LA&epoch=e&seq=43$/);
  assert.equal(world.received.length, 2);
});

test("a batch that came before is not applied twice", () => {
  const world = setUp();
  world.connection().deliver(hello);
  for (const seq of [41, 42, 42]) world.connection().deliver(batch(seq));
  assert.equal(world.received.length, 1);
});

test("a gap is never painted over: the state is asked for anew", () => {
  const world = setUp();
  world.connection().deliver(hello);
  world.connection().deliver(batch(44));
  assert.equal(world.received.length, 0);
  world.advance(1000);
  assert.doesNotMatch(world.connection().url, /seq=/);
});

test("batches of another epoch wait for a snapshot", () => {
  const world = setUp();
  world.connection().deliver({ ...hello, epoch: "new" });
  world.connection().deliver(batch(42));
  assert.equal(world.received.length, 0);
  world.connection().deliver(snapshot(5, "new"));
  world.connection().deliver(batch(6));
  assert.deepEqual(world.received.map(([kind]) => kind), ["snapshot", "batch"]);
});

test("pings are answered", () => {
  const world = setUp();
  world.connection().deliver(hello);
  world.connection().deliver({ type: "ping" });
  assert.deepEqual(world.connection().sent, [{ type: "pong" }]);
});

test("a silent connection is dead after two heartbeats", () => {
  const world = setUp();
  world.connection().deliver(hello);
  world.advance(49_999);
  assert.equal(world.state().kind, "live");
  world.advance(1);
  assert.equal(world.state().kind, "reconnecting");
});

test("a server that never says hello is left, and events are tried after two such connections", () => {
  const world = setUp();
  world.advance(10_000);
  assert.equal(world.state().kind, "reconnecting");
  world.advance(1000);
  assert.match(world.connection().url, /^ws:/);
  world.connection().fail();
  world.advance(1000);
  assert.match(world.connection().url, /^http:.*\/events\/ops/);
  world.connection().deliver(hello);
  world.connection().deliver(batch(42));
  assert.equal(world.state().kind, "live");
  assert.equal(world.received.length, 1);
});

test("a connection that had said hello comes back as a socket however often it breaks", () => {
  const world = setUp();
  for (let round = 0; round < 5; round += 1) {
    world.connection().deliver(hello);
    world.connection().fail();
    while (world.live.retryTimer !== null) world.advance(100);
    assert.match(world.connection().url, /^ws:/);
  }
});

test("reconnecting goes on for ever, never more than the ceiling apart", () => {
  const world = setUp();
  for (let attempt = 0; attempt < 200; attempt += 1) {
    world.connection().fail();
    const before = world.connections.length;
    world.advance(30_000);
    assert.ok(world.connections.length > before, `no attempt after the ${attempt}th loss`);
  }
  assert.ok(world.timers.length <= 2);
});

for (const reason of ["signed-out", "expired", "revoked"]) {
  test(`bye ${reason} ends it at once and for good`, () => {
    const world = setUp();
    world.connection().deliver(hello);
    world.connection().deliver({ type: "bye", reason });
    assert.deepEqual(world.state(), { kind: "signed-out", reason });
    world.advance(3_600_000);
    assert.equal(world.connections.length, 1);
    assert.equal(world.live.setInputs({ city: "NYC" }), false);
  });
}

test("close codes end it: 4401 to sign in again, 4403 not allowed", () => {
  for (const [code, kind] of /** @type {[number, string][]} */ ([[4401, "signed-out"], [4403, "refused"]])) {
    const world = setUp();
    world.connection().deliver(hello);
    world.connection().fail(code);
    assert.equal(world.state().kind, kind);
  }
});

test("over events, which have no close code, the reason alone ends it", () => {
  for (const [reason, kind] of [["sign-in", "signed-out"], ["not-allowed", "refused"], ["revoked", "signed-out"], ["second-factor", "signed-out"]]) {
    const world = setUp();
    world.connection().deliver(hello);
    world.connection().deliver({ type: "bye", reason });
    assert.equal(world.state().kind, kind);
    world.advance(600_000);
    assert.equal(world.connections.length, 1, "nobody connects again");
  }
});

test("a server that shuts down is asked again when it said", () => {
  const world = setUp();
  world.connection().deliver(hello);
  world.connection().deliver({ type: "bye", reason: "shutdown", retry_ms: 7000 });
  world.connection().fail(1001);
  world.advance(6999);
  assert.equal(world.connections.length, 1);
  world.advance(1);
  assert.equal(world.connections.length, 2);
});

test("a refused upgrade of a dead session is told from a lost network", async () => {
  const world = setUp({ status: 401 });
  world.connection().fail();
  await settled();
  assert.equal(world.state().kind, "signed-out");
});

test("a hidden tab reads nothing, and catches up from where it stopped", () => {
  const world = setUp();
  world.connection().deliver(hello);
  world.connection().deliver(batch(42));
  world.live.pause();
  world.connection().deliver(batch(43));
  world.connection().deliver(batch(44));
  assert.equal(world.received.length, 1);
  world.live.resume();
  assert.match(world.connection().url, /seq=42$/);
  world.connection().deliver(hello);
  world.connection().deliver(batch(43));
  assert.equal(world.received.length, 2);
});

test("a hidden tab still hears that the session has ended", () => {
  const world = setUp();
  world.connection().deliver(hello);
  world.live.pause();
  world.connection().deliver({ type: "bye", reason: "signed-out" });
  assert.equal(world.state().kind, "signed-out");
});

test("other inputs go over the open connection, and the old channel's batches are not painted", () => {
  const world = setUp();
  world.connection().deliver(hello);
  assert.ok(world.live.setInputs({ city: "NYC" }));
  assert.deepEqual(world.connection().sent, [{ type: "inputs", values: { city: "NYC" } }]);
  world.connection().deliver(batch(42));
  assert.equal(world.received.length, 0);
  world.connection().deliver(snapshot(3, "nyc"));
  assert.equal(world.received.length, 1);
  world.connection().fail();
  world.advance(60_000);
  assert.match(/** @type {FakeConnection} */ (world.connections[1]).url, /city=NYC&epoch=nyc&seq=3$/);
});

test("inputs whose snapshot does not come are asked for on a new connection", () => {
  const world = setUp();
  world.connection().deliver(hello);
  world.live.setInputs({ city: "NYC" });
  world.connection().deliver(batch(42));
  world.advance(6000);
  assert.match(world.connection().url, /city=NYC$/);
  assert.equal(world.connections.length, 2);
});

test("over events, other inputs are another stream", () => {
  const world = setUp();
  world.live.reconnect.transport = "events";
  world.live.connect();
  world.connection().deliver(hello);
  world.live.setInputs({ city: "MTL" });
  assert.match(world.connection().url, /\/events\/ops\?city=MTL$/);
});

test("half a message breaks the connection, not the page", () => {
  const world = setUp();
  world.connection().deliver(hello);
  world.connection().onmessage?.({ data: '{"type":"bat' });
  assert.equal(world.state().kind, "reconnecting");
  assert.ok(/** @type {FakeConnection} */ (world.connections[0]).closed);
});

test("a page that has changed is loaded anew, and nothing of its channel is shown on the old one", () => {
  const world = setUp();
  world.connection().deliver({ ...hello, revision: "r1" });
  world.connection().deliver({ type: "bye", reason: "changed", retry_ms: 400 });
  world.connection().fail(1001);
  world.advance(399);
  assert.equal(world.connections.length, 1);
  world.advance(1);
  const connection = world.connection();
  connection.deliver({ ...hello, epoch: "new", revision: "r2" });
  connection.deliver(snapshot(1, "new"));
  connection.deliver(batch(2));
  assert.equal(world.reloads, 1);
  assert.deepEqual(world.received, []);
  assert.ok(connection.closed);
  assert.notEqual(world.state().kind, "live");
  world.advance(3_600_000);
  assert.equal(world.reloads, 1);
});

test("the same revision after a change of nothing goes on without loading the page", () => {
  const world = setUp();
  world.connection().deliver({ ...hello, revision: "r1" });
  world.connection().deliver(batch(42));
  assert.equal(world.reloads, 0);
  assert.equal(world.received.length, 1);
});

test("a side that says no revision is not compared", () => {
  const world = setUp();
  world.connection().deliver(hello);
  assert.equal(world.state().kind, "live");
  const other = setUp();
  other.live.revision = null;
  other.connection().deliver({ ...hello, revision: "r2" });
  assert.equal(other.state().kind, "live");
  assert.equal(world.reloads + other.reloads, 0);
});

test("a page that was loaded just now asks once more before it is loaded again, so that it cannot go in circles", () => {
  const world = setUp();
  world.now = LOADED_AT + 1000;
  world.connection().deliver({ ...hello, revision: "r2" });
  assert.equal(world.reloads, 0);
  assert.equal(world.state().kind, "reconnecting");
  world.advance(RELOAD_INTERVAL_MS - 1001);
  assert.equal(world.connections.length, 1);
  world.advance(1);
  world.connection().deliver({ ...hello, revision: "r2" });
  assert.equal(world.reloads, 1);
  assert.deepEqual(world.received, []);
});

/** @param {ConnectionState} state */
const gone = (state) => state.kind === "reconnecting" && state.reason === "gone";

test("a page that is gone is asked for, slowly and for ever, over the socket that says so", () => {
  const world = setUp();
  world.connection().deliver(hello);
  for (let round = 0; round < 50; round += 1) {
    assert.match(world.connection().url, /^ws:/);
    world.connection().deliver({ type: "bye", reason: "gone", retry_ms: 500 });
    world.connection().fail(1001);
    assert.ok(gone(world.state()));
    const { connections, now } = world;
    const before = connections.length;
    while (connections.length === before) world.advance(100);
    const waited = world.now - now;
    assert.ok(waited <= 30_100, `forgotten for ${waited} ms`);
    // Half of the ceiling: in this environment, chance is always in the middle.
    if (round > 8) assert.ok(waited >= 15_000, `asked again after ${waited} ms`);
  }
  world.connection().deliver({ ...hello, revision: "r1" });
  assert.equal(world.state().kind, "live");
});

test("who cannot be confirmed for now comes back when asked to, and is told why until then", () => {
  const world = setUp();
  world.connection().deliver(hello);
  for (let round = 0; round < 3; round += 1) {
    const { connections } = world;
    const before = connections.length;
    world.connection().deliver({ type: "bye", reason: "unconfirmed", retry_ms: 3000 });
    world.connection().fail(1013);
    const state = world.state();
    assert.ok(state.kind === "reconnecting" && state.reason === "unconfirmed");
    world.advance(3000);
    assert.equal(connections.length, before + 1);
    assert.match(world.connection().url, /^ws:/);
  }
  world.connection().deliver(hello);
  assert.equal(world.state().kind, "live");
});

test("a page that is back with other panels is loaded anew", () => {
  const world = setUp();
  world.connection().deliver(hello);
  world.connection().deliver({ type: "bye", reason: "gone", retry_ms: 2000 });
  world.connection().fail(1001);
  world.advance(2000);
  world.connection().deliver({ ...hello, revision: "r2" });
  assert.equal(world.reloads, 1);
});

test("a page that answers 404 to the probe is gone, not lost and not ended", async () => {
  const world = setUp({ status: 404 });
  world.live.reconnect.transport = "events";
  world.live.connect();
  world.connection().fail();
  assert.ok(!gone(world.state()));
  await settled();
  assert.ok(gone(world.state()));
  world.advance(60_000);
  assert.ok(world.connections.length > 2);
});

test("a page that was gone is not called so when the server itself is away", async () => {
  for (const probe of [async () => 503, () => Promise.reject(new TypeError("no network"))]) {
    const world = setUp();
    world.live.environment.probePage = probe;
    world.connection().deliver(hello);
    world.connection().deliver({ type: "bye", reason: "gone" });
    world.connection().fail(1001);
    world.advance(1000);
    world.connection().fail();
    await settled();
    assert.equal(world.state().kind, "reconnecting");
    assert.ok(!gone(world.state()));
  }
});

test("a page that is gone ends for whoever has been signed out meanwhile", async () => {
  const world = setUp({ status: 401 });
  world.connection().deliver({ type: "bye", reason: "gone", retry_ms: 500 });
  world.connection().fail(1001);
  world.advance(1000);
  world.connection().fail();
  await settled();
  assert.equal(world.state().kind, "signed-out");
});

test("choices in quick succession are one message, and the last one wins", () => {
  const world = setUp();
  world.connection().deliver(hello);
  for (const city of ["NYC", "MTL", "LA", "NYC", "MTL"]) {
    world.live.setInputs({ city });
    world.advance(20);
  }
  assert.deepEqual(world.connection().sent, [{ type: "inputs", values: { city: "NYC" } }]);
  world.advance(INPUTS_INTERVAL_MS);
  assert.deepEqual(world.connection().sent.slice(1), [{ type: "inputs", values: { city: "MTL" } }]);
  world.connection().deliver(snapshot(3, "mtl"));
  assert.equal(world.received.length, 1);
});

test("however long a key is held, the server hears at most four choices a second", () => {
  const world = setUp();
  world.connection().deliver(hello);
  for (let press = 0; press < 100; press += 1) {
    world.live.setInputs({ city: String(press) });
    world.advance(30);
  }
  world.advance(INPUTS_INTERVAL_MS);
  const { sent: said } = /** @type {FakeConnection} */ (world.connections[0]);
  assert.ok(said.length <= 14, `${said.length} messages in three seconds`);
  assert.deepEqual(said.at(-1), { type: "inputs", values: { city: "99" } });
});

test("the answer to a choice that was taken back is not shown while the last one waits", () => {
  const world = setUp();
  world.connection().deliver(hello);
  world.live.setInputs({ city: "NYC" });
  world.live.setInputs({ city: "MTL" });
  world.connection().deliver(snapshot(3, "nyc"));
  world.connection().deliver(batch(4));
  assert.equal(world.received.length, 0);
  world.advance(INPUTS_INTERVAL_MS);
  world.connection().deliver(snapshot(7, "mtl"));
  world.connection().deliver(batch(8));
  assert.equal(world.received.length, 2);
});

test("a choice that waits when the connection breaks goes into the next connection's address, and is not sent again", () => {
  const world = setUp();
  world.connection().deliver(hello);
  world.live.setInputs({ city: "NYC" });
  world.live.setInputs({ city: "MTL" });
  world.connection().deliver({ type: "bye", reason: "shutdown", retry_ms: INPUTS_INTERVAL_MS - 50 });
  world.connection().fail(1001);
  world.advance(INPUTS_INTERVAL_MS - 50);
  assert.match(world.connection().url, /city=MTL$/);
  world.connection().deliver(hello);
  world.advance(1000);
  assert.deepEqual(world.connection().sent, []);
  assert.equal(world.connections.length, 2);
});

test("a server that has no room is asked again when it said, and whatever happens meanwhile does not hurry it", () => {
  const world = setUp();
  world.connection().deliver({ type: "bye", reason: "crowded", retry_ms: 45_000 });
  world.connection().fail(1013);
  const state = world.state();
  assert.ok(state.kind === "reconnecting" && state.reason === "crowded" && state.at === world.now + 45_000);
  world.live.retryNow();
  world.live.pause();
  world.live.resume();
  world.live.setInputs({ city: "NYC" });
  world.advance(44_999);
  assert.equal(world.connections.length, 1);
  world.advance(1);
  assert.equal(world.connections.length, 2);
  assert.match(world.connection().url, /^ws:.*city=NYC/);
});

test("a server that has no room for long is asked ever more slowly, however soon it says", () => {
  const world = setUp();
  for (let round = 0; round < 10; round += 1) {
    world.connection().deliver({ type: "bye", reason: "crowded", retry_ms: 0 });
    world.connection().fail(1013);
    const before = world.connections.length;
    // Half of the ceiling: in this environment, chance is always in the middle.
    if (round > 6) world.advance(14_900);
    assert.equal(world.connections.length, before);
    while (world.connections.length === before) world.advance(100);
  }
});

test("a restart that takes twenty seconds is waited for, and is over with the next hello", () => {
  const world = setUp();
  world.connection().deliver(hello);
  world.connection().deliver({ type: "bye", reason: "shutdown", retry_ms: 20_000 });
  world.connection().fail(1001);
  const state = world.state();
  assert.ok(state.kind === "reconnecting" && state.reason === "shutdown");
  world.live.retryNow();
  world.advance(19_999);
  assert.equal(world.connections.length, 1);
  world.advance(1);
  world.connection().deliver(hello);
  assert.equal(world.state().kind, "live");
});

test("a server that does not come back from its restart is not said to restart for ever", () => {
  const world = setUp();
  world.connection().deliver(hello);
  world.connection().deliver({ type: "bye", reason: "shutdown", retry_ms: 2000 });
  world.connection().fail(1001);
  world.advance(2000);
  world.connection().fail();
  const state = world.state();
  assert.ok(state.kind === "reconnecting" && state.reason === null);
});

test("a network that is back ends a wait that nobody asked for", () => {
  const world = setUp();
  for (let round = 0; round < 9; round += 1) {
    world.connection().fail();
    world.advance(30_000);
  }
  world.connection().fail();
  const before = world.connections.length;
  world.live.retryNow();
  assert.equal(world.connections.length, before + 1);
});

test("a hidden tab takes no batch apart, however many come, and hears by them that the connection is alive", (t) => {
  const world = setUp();
  world.connection().deliver(hello);
  world.live.pause();
  const parsed = t.mock.method(JSON, "parse");
  for (let seq = 42; seq < 36_042; seq += 1) {
    world.connection().deliver(batch(seq));
    world.advance(100);
  }
  assert.equal(parsed.mock.callCount(), 0);
  assert.equal(world.connections.length, 1);
  assert.equal(world.received.length, 0);
  assert.ok(world.timers.length <= 1);
  world.live.resume();
  assert.match(world.connection().url, /seq=41$/);
});

test("a laptop that slept knows at once that its connection is dead, though no timer ran", () => {
  const world = setUp();
  world.connection().deliver(hello);
  world.now += 8 * 3_600_000;
  world.live.wake();
  assert.ok(/** @type {FakeConnection} */ (world.connections[0]).closed);
  assert.equal(world.connections.length, 2);
  assert.match(world.connection().url, /epoch=e&seq=41$/);
});

test("a page that stood still for a moment keeps its connection", () => {
  const world = setUp();
  world.connection().deliver(hello);
  world.now += 20_000;
  world.live.checkSilence();
  world.live.wake();
  assert.equal(world.connections.length, 1);
});

test("a frozen page has no connection and no timer, and goes on from where it was", () => {
  const world = setUp();
  world.connection().deliver(hello);
  world.connection().deliver(batch(42));
  world.live.suspend();
  assert.ok(world.connection().closed);
  assert.equal(world.timers.length, 0);
  world.now += 3_600_000;
  world.live.wake();
  assert.equal(world.connections.length, 2);
  assert.match(world.connection().url, /seq=42$/);
});

test("whoever has been signed out is not brought back by waking", () => {
  const world = setUp();
  world.connection().deliver(hello);
  world.connection().deliver({ type: "bye", reason: "expired" });
  world.live.suspend();
  world.live.wake();
  world.live.retryNow();
  assert.equal(world.connections.length, 1);
});

test("a board whose right was taken is asked for again, and loaded when it is given back", async () => {
  const world = setUp({ status: 403 });
  world.connection().deliver(hello);
  world.connection().fail(4403);
  for (let round = 0; round < 5; round += 1) {
    world.advance(60_000);
    await settled();
  }
  assert.equal(world.reloads, 0);
  world.status = 200;
  world.advance(60_000);
  await settled();
  assert.equal(world.reloads, 1);
  assert.equal(world.connections.length, 1, "over plain HTTP");
});

test("a hidden board whose right was taken asks for nothing until it is seen", async () => {
  const world = setUp();
  world.connection().deliver(hello);
  world.live.pause();
  world.connection().fail(4403);
  world.advance(600_000);
  await settled();
  assert.equal(world.reloads, 0);
  world.live.resume();
  await settled();
  assert.equal(world.reloads, 1);
});

test("a board that was signed out is loaded when somebody signs in in another tab, and not before", async () => {
  const world = setUp({ status: 401 });
  world.connection().deliver(hello);
  world.connection().deliver({ type: "bye", reason: "signed-out" });
  world.live.checkReturn();
  await settled();
  assert.equal(world.reloads, 0);
  world.status = 200;
  world.live.checkReturn();
  await settled();
  assert.equal(world.reloads, 1);
});

/** A page whose upgrades are blocked: it has a stream of events. */
function setUpEvents() {
  const world = setUp();
  for (let attempt = 0; attempt < 2; attempt += 1) {
    world.connection().fail();
    while (world.live.retryTimer !== null) world.advance(100);
  }
  assert.match(world.connection().url, /^http:.*\/events\/ops/);
  return world;
}

test("a hidden tab lets go of its stream of events, says so, and goes on when it is seen", () => {
  const world = setUpEvents();
  world.connection().deliver(hello);
  world.connection().deliver(batch(42));
  const stream = world.connection();
  world.live.pause();
  assert.ok(stream.closed);
  assert.equal(world.state().kind, "paused");
  world.advance(3_600_000);
  assert.equal(world.connection(), stream, "nothing is opened meanwhile");
  world.live.resume();
  assert.notEqual(world.connection(), stream);
  assert.match(world.connection().url, /events.*seq=42$/);
  world.connection().deliver(hello);
  assert.equal(world.state().kind, "live");
});

test("a tab that is hidden before its stream of events is opened opens none", () => {
  const world = setUp();
  world.live.pause();
  world.connection().fail();
  while (world.live.retryTimer !== null) world.advance(100);
  world.connection().fail();
  world.advance(600_000);
  assert.ok(world.connections.every((connection) => /^ws:/.test(connection.url)));
  assert.equal(world.state().kind, "paused");
  world.live.resume();
  assert.match(world.connection().url, /events/);
});

test("a connection that says nothing while panels grow old is doubted, and one that lives half as often", () => {
  const world = setUp();
  world.connection().deliver(hello);
  world.advance(4_000);
  world.live.doubt(5_000);
  assert.equal(world.state().kind, "live", "it has not been silent for so long");
  world.advance(1_000);
  world.live.doubt(5_000);
  assert.equal(world.state().kind, "reconnecting");
  world.advance(1_000);
  world.connection().deliver(hello);
  world.advance(9_000);
  world.live.doubt(5_000);
  assert.equal(world.state().kind, "live", "the source is slow, not the network");
  world.advance(1_000);
  world.live.doubt(5_000);
  assert.equal(world.state().kind, "reconnecting");
  world.advance(1_000);
  world.connection().deliver(hello);
  world.connection().deliver(batch(42));
  world.advance(5_000);
  world.live.doubt(5_000);
  assert.equal(world.state().kind, "reconnecting", "a batch restores the trust");
});
