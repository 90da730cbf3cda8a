/**
 * The live connection: one socket at a time, for ever.
 *
 * It keeps its place in the channel, comes back after every loss with jitter, falls back to Server-Sent Events where
 * upgrades are blocked, and stops for good only when the server says that the session or the right has ended. A page that
 * has become another one since it was loaded is loaded anew. It knows nothing of panels: it hands on snapshots and batches,
 * in order and without a gap.
 */

import { Comeback } from "./comeback.js";
import { Cursor } from "./cursor.js";
import { Pace } from "./pace.js";
import { resumeUrl, withInputs } from "./resume.js";

/** @typedef {import("./types.js").Connection} Connection */
/** @typedef {import("./types.js").Why} Why */
/** @typedef {import("./types.js").Frames} Frames */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./outside.js").Outside} Outside */

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

/** The least time between two moves to other inputs. The server hears a few a second; a held arrow key makes thirty. */
export const MOVE_EVERY_MS = 250;

/**
 * A page younger than this is not loaded anew. If what the server sends never fits what its socket says (a cache between,
 * two servers that differ), the page is loaded at this pace instead of in a circle. Its age needs no memory that a browser may deny.
 */
export const RELOAD_REST_MS = 5_000;

/** A stream has no close code, so the reasons alone must tell. */
const SESSION_ENDED = new Set(["signed-out", "expired", "revoked", "sign-in", "second-factor"]);

/** Losses that are over by themselves, and of which there is something to say meanwhile. @type {ReadonlySet<string>} */
const PASSING = new Set(["gone", "unconfirmed", "crowded", "shutdown"]);

/** How a batch begins, as the server writes them. One that nobody looks at is not taken apart to find out. */
const BATCH = '{"type":"batch"';

const SIGN_IN_AGAIN = 4401;
const NOT_ALLOWED = 4403;

export class Live {
  /**
   * @param {{ live: string, events: string, epoch: string | null, seq: number | null, revision: string | null }} start
   * @param {Listener} listener
   * @param {Outside} outside
   */
  constructor(start, listener, outside) {
    this.urls = { websocket: start.live, events: start.events };
    this.cursor = new Cursor(start.epoch, start.seq);
    /** Of the page's file, when the server painted what stands here. */
    this.revision = start.revision;
    this.listener = listener;
    this.outside = outside;
    this.comeback = new Comeback();
    this.moves = new Pace(MOVE_EVERY_MS, outside);
    /** @type {WebSocket | EventSource | null} */
    this.line = null;
    this.greeted = false;
    /** Whether this line's end was announced: it works, then, whatever it said before. */
    this.dismissed = false;
    this.openedAt = 0;
    /** When something was heard last, or asked for. */
    this.heardAt = 0;
    /** Milliseconds of silence after which the line counts as dead. */
    this.patience = HELLO_WITHIN_MS;
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
    const { outside } = this;
    const { transport, lostAt } = this.comeback;
    this.dismissed = false;
    this.openedAt = outside.now();
    this.heardAt = this.openedAt;
    this.patience = HELLO_WITHIN_MS;
    if (lostAt === null) this.listener.state({ kind: "connecting" });
    const url = resumeUrl(this.urls[transport], outside.base, transport, this.cursor.epoch, this.cursor.seq);
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
    this.cursor.pause();
  }

  /** Somebody looks again. */
  resume() {
    if (this.cursor.resume() && this.line) this.connect();
    else this.wake();
  }

  /**
   * Perhaps much time has gone by unnoticed: timers stand still while a laptop sleeps or a tab is frozen. A line that has
   * been silent for too long is dead, and a wait that nobody asked for is over.
   */
  wake() {
    this.check();
    if (this.ended) return;
    if (!this.line && this.retry === null) this.connect();
    else this.hurry();
  }

  /** The watchdog's question, by the clock on the wall. */
  check() {
    if (this.line && this.outside.now() - this.heardAt > this.patience) this.lose(0);
  }

  /** There may be a way now: nobody waits for the rest of a wait, but for one that the server asked for. */
  hurry() {
    if (this.retry !== null && !this.comeback.bidden) this.connect();
  }

  /** The browser stops this page: what would come meanwhile must not pile up. `wake` goes on from here. */
  rest() {
    if (this.line) this.hangUp();
  }

  /**
   * Moves to the channel of other inputs: at once, or, when one choice follows the other, to the last of them.
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
    this.cursor.leave();
    this.moves.ask(() => this.move(values));
    return true;
  }

  /** @param {Record<string, string>} values */
  move(values) {
    if (this.comeback.transport === "websocket" && this.greeted && this.line) {
      /** @type {WebSocket} */ (this.line).send(JSON.stringify({ type: "inputs", values }));
      this.listen(SNAPSHOT_WITHIN_MS);
    } else if (this.retry === null || !this.comeback.bidden) {
      // Who was asked to wait takes the choice along then; it is in the address already.
      this.connect();
    }
  }

  /** @param {string} text one message */
  receive(text) {
    this.heardAt = this.outside.now();
    if (this.cursor.leavesUnread() && text.startsWith(BATCH)) {
      this.listen();
      return;
    }
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
    if (this.line && !this.cursor.adrift) this.listen();
  }

  /** @param {import("./types.js").Hello} hello */
  hearHello(hello) {
    this.greeted = true;
    this.comeback.greet();
    if (this.revision && hello.revision && hello.revision !== this.revision) {
      this.renew();
      return;
    }
    this.patience = 2000 * Math.min(Math.max(hello.heartbeat, 1), LONGEST_HEARTBEAT_S);
    this.cursor.greet(hello.epoch);
    if (this.cursor.adrift) this.listen(SNAPSHOT_WITHIN_MS);
    this.listener.state({ kind: "live" });
  }

  /** The page is another one by now. Nothing of its channel belongs on what stands here. */
  renew() {
    const rest = RELOAD_REST_MS - this.outside.age();
    if (rest > 0) {
      this.comeback.asked = rest;
      this.lose(0);
      return;
    }
    this.hangUp();
    this.outside.reload();
  }

  answer() {
    if (this.comeback.transport === "websocket") /** @type {WebSocket} */ (this.line).send('{"type":"pong"}');
  }

  /** @param {import("./types.js").Snapshot} snapshot */
  hearSnapshot(snapshot) {
    // The answer to a choice that is not the last one: showing it would show the wrong thing under the right name.
    if (this.moves.waiting) return;
    if (this.cursor.takesSnapshot(snapshot)) this.listener.snapshot(snapshot.panels);
  }

  /** @param {import("./types.js").Batch} batch */
  hearBatch(batch) {
    const fit = this.cursor.takesBatch(batch);
    if (fit === "next") this.listener.batch(batch.panels, batch.sent);
    else if (fit === "gap") {
      // Painting on would show a state that never was; a snapshot puts it right.
      this.cursor.leave();
      this.lose(0);
    }
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
    if (reason === "not-allowed") {
      this.end({ kind: "refused" });
      return;
    }
    this.dismissed = true;
    this.comeback.why = PASSING.has(reason) ? /** @type {Why} */ (reason) : null;
    this.comeback.asked = retryMs ?? null;
    // Over a socket the close frame follows and may say more; a stream just ends.
    if (this.comeback.transport === "events") this.lose(0);
  }

  /**
   * The line is gone.
   *
   * @param {number} code the close code; 0 when there was none
   */
  lose(code) {
    if (this.ended) return;
    const { comeback, greeted, dismissed, outside } = this;
    this.hangUp();
    if (code === SIGN_IN_AGAIN) return this.end({ kind: "signed-out", reason: "" });
    if (code === NOT_ALLOWED) return this.end({ kind: "refused" });
    const now = outside.now();
    if (greeted && now - this.openedAt >= GOOD_AFTER_MS) comeback.attempt = 0;
    if (!greeted && !dismissed && comeback.suspect()) this.probe();
    this.retry = outside.later(() => this.connect(), comeback.plan(now, outside.random));
    this.tellLoss();
  }

  tellLoss() {
    const { why, lostAt, retryAt } = this.comeback;
    this.listener.state({ kind: "reconnecting", at: retryAt, since: lostAt ?? this.outside.now(), why });
  }

  /**
   * A refused upgrade looks to a script like a broken line. The page itself tells the difference: a session that has
   * ended is sent to the door. A page that is gone may come back, and is asked for as long as somebody waits for it.
   */
  probe() {
    this.outside.probe().then(
      (status) => {
        // By now a connection may stand; then the question has answered itself.
        if (this.greeted) return;
        if (status === 401) this.end({ kind: "signed-out", reason: "" });
        else if (status === 403) this.end({ kind: "refused" });
        else this.learnGone(status === 404);
      },
      // Not reachable either, and nobody knows whether the page is there: that is what the retries are for.
      () => this.learnGone(false),
    );
  }

  /** @param {boolean} gone */
  learnGone(gone) {
    if (this.greeted || this.ended || gone === (this.comeback.why === "gone")) return;
    this.comeback.why = gone ? "gone" : null;
    this.tellLoss();
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
    // The next line's address has the newest inputs in it.
    this.moves.drop();
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
