/**
 * The live connection: one socket at a time, for ever.
 *
 * It keeps the position (`epoch`, `seq`), comes back after every loss with jitter, falls back to Server-Sent Events where
 * upgrades are blocked, and stops for good only when the server says that the session or the right has ended. It knows
 * nothing of panels: it hands on snapshots and batches, in order and without a gap.
 */

import { wait } from "./backoff.js";
import { nextTransport, resumeUrl, withInputs } from "./resume.js";

/** @typedef {import("./types.js").Connection} Connection */
/** @typedef {import("./types.js").Frames} Frames */
/** @typedef {import("./types.js").Message} Message */

/**
 * @typedef {object} Outside what the connection needs of the browser; a test brings its own
 * @property {(url: string) => WebSocket} socket
 * @property {(url: string) => EventSource} events
 * @property {() => Promise<number>} probe asks for the page itself; resolves to the status, 401 for a way to the door
 * @property {(work: () => void, ms: number) => any} later
 * @property {(timer: any) => void} never
 * @property {() => number} now
 * @property {() => number} random
 * @property {string} base the page's address
 */

/**
 * @typedef {object} Listener
 * @property {(connection: Connection) => void} state
 * @property {(panels: Frames) => void} snapshot
 * @property {(panels: Frames, sent: number) => void} batch
 */

/** So long may a server take to say `hello`, from the dial. */
const HELLO_WITHIN_MS = 10_000;

/** So long may a snapshot take after the inputs changed, before a new connection asks for it. */
const SNAPSHOT_WITHIN_MS = 5_000;

/** A connection that held for so long was a good one; the next loss starts with a short wait again. */
const GOOD_AFTER_MS = 5_000;

/** Heartbeats as long as this are believed; a longer one would hide a dead connection for minutes. */
const LONGEST_HEARTBEAT_S = 120;

/** Each so many failed attempts, the server is asked over plain HTTP whether the session still stands. */
const PROBE_EVERY = 4;

const SESSION_ENDED = new Set(["signed-out", "expired", "revoked"]);
const SIGN_IN_AGAIN = 4401;
const NOT_ALLOWED = 4403;

export class Live {
  /**
   * @param {{ live: string, events: string, epoch: string | null, seq: number | null }} start
   * @param {Listener} listener
   * @param {Outside} outside
   */
  constructor(start, listener, outside) {
    this.urls = { websocket: start.live, events: start.events };
    this.epoch = start.epoch;
    this.seq = start.seq;
    this.listener = listener;
    this.outside = outside;
    /** @type {"websocket" | "events"} */
    this.transport = "websocket";
    /** @type {WebSocket | EventSource | null} */
    this.line = null;
    this.greeted = false;
    this.openedAt = 0;
    /** Attempts that ended before `hello`, in a row, over this transport. */
    this.failures = 0;
    /** Losses in a row. */
    this.attempt = 0;
    /** @type {number | null} */
    this.lostAt = null;
    /** @type {number | null} */
    this.asked = null;
    /** Milliseconds of silence after which the line counts as dead. */
    this.patience = HELLO_WITHIN_MS;
    /** Whether batches are of a channel that this page does not show (yet), until a snapshot comes. */
    this.adrift = false;
    this.paused = false;
    this.missed = false;
    this.ended = false;
    /** @type {any} */
    this.watchdog = null;
    /** @type {any} */
    this.retry = null;
  }

  /** Dials now, whatever was waited for. */
  connect() {
    if (this.ended) return;
    this.hangUp();
    const { outside, transport } = this;
    this.greeted = false;
    this.openedAt = outside.now();
    this.patience = HELLO_WITHIN_MS;
    if (this.lostAt === null) this.listener.state({ kind: "connecting" });
    const url = resumeUrl(this.urls[transport], outside.base, transport, this.epoch, this.seq);
    const line = transport === "websocket" ? outside.socket(url) : outside.events(url);
    this.line = line;
    line.onmessage = (/** @type {MessageEvent} */ event) => this.line === line && this.receive(event.data);
    if (transport === "websocket") {
      const socket = /** @type {WebSocket} */ (line);
      socket.onclose = (event) => this.line === line && this.lose(event.code);
    } else {
      // The browser would reconnect by itself, but without jitter, and without telling a lost line from a lost session.
      line.onerror = () => this.line === line && this.lose(0);
    }
    this.listen();
  }

  /** Nobody looks: what comes is left unread, and `resume` catches up. An ended session is still heard. */
  pause() {
    this.paused = true;
  }

  /** Somebody looks again. */
  resume() {
    this.paused = false;
    if (this.ended || !this.missed) return;
    this.missed = false;
    this.connect();
  }

  /** The network is back: nobody waits for the rest of a wait. */
  hurry() {
    if (this.retry !== null) this.connect();
  }

  /**
   * Moves to the channel of other inputs.
   *
   * @param {Record<string, string>} values
   * @returns {boolean} false when the connection has ended for good
   */
  choose(values) {
    if (this.ended) return false;
    const { base } = this.outside;
    this.urls = {
      websocket: withInputs(this.urls.websocket, base, values),
      events: withInputs(this.urls.events, base, values),
    };
    this.epoch = null;
    this.seq = null;
    this.adrift = true;
    if (this.transport === "websocket" && this.greeted && this.line) {
      /** @type {WebSocket} */ (this.line).send(JSON.stringify({ type: "inputs", values }));
      this.listen(SNAPSHOT_WITHIN_MS);
    } else {
      this.connect();
    }
    return true;
  }

  /** @param {string} text one message */
  receive(text) {
    /** @type {Message} */
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      // Half a message means that the line cannot be trusted; a new one starts from the last good position.
      this.lose(0);
      return;
    }
    if (message.type === "bye") {
      this.hearBye(message.reason, message.retry_ms);
      return;
    }
    if (message.type === "hello") this.hearHello(message);
    else if (message.type === "ping") this.answer();
    else if (message.type === "snapshot") this.hearSnapshot(message);
    else if (message.type === "batch") this.hearBatch(message);
    // While a snapshot is owed, other talk does not count as an answer.
    if (this.line && !this.adrift) this.listen();
  }

  /** @param {import("./types.js").Hello} hello */
  hearHello(hello) {
    this.greeted = true;
    this.failures = 0;
    this.lostAt = null;
    this.patience = 2000 * Math.min(Math.max(hello.heartbeat, 1), LONGEST_HEARTBEAT_S);
    this.adrift = hello.epoch !== this.epoch || this.seq === null;
    if (this.adrift) this.listen(SNAPSHOT_WITHIN_MS);
    this.listener.state({ kind: "live" });
  }

  answer() {
    if (this.transport === "websocket") /** @type {WebSocket} */ (this.line).send('{"type":"pong"}');
  }

  /** @param {import("./types.js").Snapshot} snapshot */
  hearSnapshot(snapshot) {
    this.adrift = false;
    if (this.paused) {
      this.missed = true;
      return;
    }
    this.epoch = snapshot.epoch;
    this.seq = snapshot.seq;
    this.listener.snapshot(snapshot.panels);
  }

  /** @param {import("./types.js").Batch} batch */
  hearBatch(batch) {
    if (this.adrift) return;
    if (this.paused) {
      this.missed = true;
      return;
    }
    // Unread batches lie between: `resume` is already on its way.
    if (this.missed) return;
    if (this.seq !== null && batch.seq <= this.seq) return;
    if (this.seq !== null && batch.seq !== this.seq + 1) {
      // A gap. Painting on would show a state that never was; a snapshot puts it right.
      this.epoch = null;
      this.seq = null;
      this.lose(0);
      return;
    }
    this.seq = batch.seq;
    this.listener.batch(batch.panels, batch.sent);
  }

  /**
   * @param {string} reason
   * @param {number | undefined} retryMs
   */
  hearBye(reason, retryMs) {
    if (SESSION_ENDED.has(reason)) {
      this.end({ kind: "signed-out", reason });
      return;
    }
    this.asked = retryMs ?? null;
    // Over a socket the close frame follows and may say more; a stream just ends.
    if (this.transport === "events") this.lose(0);
  }

  /**
   * The line is gone.
   *
   * @param {number} code the close code; 0 when there was none
   */
  lose(code) {
    if (this.ended) return;
    const { outside } = this;
    const greeted = this.greeted;
    this.hangUp();
    if (code === SIGN_IN_AGAIN) return this.end({ kind: "signed-out", reason: "" });
    if (code === NOT_ALLOWED) return this.end({ kind: "refused" });
    const now = outside.now();
    this.lostAt ??= now;
    if (greeted && now - this.openedAt >= GOOD_AFTER_MS) this.attempt = 0;
    if (!greeted) {
      this.failures += 1;
      const next = nextTransport(this.transport, this.failures);
      if (next !== this.transport) {
        this.transport = next;
        this.failures = 0;
      }
      if (this.attempt % PROBE_EVERY === 0) this.probe();
    }
    const ms = wait(this.attempt, outside.random, this.asked);
    this.attempt += 1;
    this.asked = null;
    this.retry = outside.later(() => this.connect(), ms);
    this.listener.state({ kind: "reconnecting", at: now + ms, since: this.lostAt });
  }

  /**
   * A refused upgrade looks to a script like a broken line. The page itself tells the difference: a session that has
   * ended is sent to the door.
   */
  probe() {
    this.outside.probe().then(
      (status) => {
        // By now a connection may stand; then the question has answered itself.
        if (this.greeted) return;
        if (status === 401) this.end({ kind: "signed-out", reason: "" });
        else if (status === 403) this.end({ kind: "refused" });
      },
      () => {
        // Not reachable either: that is what the retries are for.
      },
    );
  }

  /** @param {Connection} connection */
  end(connection) {
    if (this.ended) return;
    this.ended = true;
    this.hangUp();
    this.listener.state(connection);
  }

  /** Starts the watchdog anew. @param {number} [ms] */
  listen(ms = this.patience) {
    this.outside.never(this.watchdog);
    this.watchdog = this.outside.later(() => this.lose(0), ms);
  }

  /** Lets go of the line and of every timer. */
  hangUp() {
    const { line, outside } = this;
    outside.never(this.watchdog);
    outside.never(this.retry);
    this.watchdog = null;
    this.retry = null;
    this.line = null;
    this.greeted = false;
    if (!line) return;
    line.onmessage = null;
    line.onerror = null;
    if ("onclose" in line) line.onclose = null;
    line.close();
  }
}

/** The browser's own, for `Live`. @returns {Outside} */
export function browser() {
  return {
    socket: (url) => new WebSocket(url),
    events: (url) => new EventSource(url),
    probe: async () => {
      const answer = await fetch(location.href, { method: "HEAD", redirect: "manual", headers: { accept: "text/html" } });
      // A redirect is not shown to scripts, but a page of ours redirects to the door only.
      return answer.type === "opaqueredirect" ? 401 : answer.status;
    },
    later: (work, ms) => setTimeout(work, ms),
    never: (timer) => clearTimeout(timer),
    now: () => Date.now(),
    random: Math.random,
    base: location.href,
  };
}
