/**
 * The live connection: one socket at a time, for ever.
 *
 * It keeps its position in the channel, reconnects after every loss with jitter, falls back to Server-Sent Events where
 * upgrades are blocked, and stops only when the server says that the session or the right has ended. When that is given back, or
 * the page has become another one since it was loaded, it is loaded anew. It knows nothing of panels: it hands on snapshots and
 * batches, in order and without a gap.
 */

import { Cursor } from "./cursor.js";
import { ReconnectPolicy } from "./reconnect.js";
import { resumeUrl, withInputs } from "./resume.js";
import { Throttle } from "./throttle.js";

/** @typedef {import("./types.js").ConnectionState} ConnectionState */
/** @typedef {import("./types.js").LossReason} LossReason */
/** @typedef {import("./types.js").Frames} Frames */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./environment.js").Environment} Environment */

/**
 * @typedef {object} Listener
 * @property {(connection: ConnectionState) => void} onState
 * @property {(panels: Frames) => void} onSnapshot
 * @property {(panels: Frames, sent: number) => void} onBatch
 */

/** How long a server may take to say `hello`, from the start of the attempt. */
const HELLO_TIMEOUT_MS = 10_000;

/** How long a snapshot may take after the inputs changed, before a new connection asks for it. */
const SNAPSHOT_TIMEOUT_MS = 5_000;

/** How long a connection must hold to count as stable; the next loss starts with a short delay again. */
const STABLE_AFTER_MS = 5_000;

/** How long after a right has ended the page is asked for again, at first and at most: an access that is given back is given soon. */
const FIRST_RETURN_CHECK_MS = 5_000;
const MAX_RETURN_CHECK_MS = 60_000;

/** The longest heartbeat that is believed; a longer one would hide a dead connection for minutes. */
const MAX_HEARTBEAT_S = 120;

/** The least time between two messages with other inputs. The server hears a few a second; a held arrow key makes thirty. */
export const INPUTS_INTERVAL_MS = 250;

/**
 * The least age of a page that is loaded anew. If what the server sends never fits what its socket says (a cache between,
 * two servers that differ), the page is loaded at this interval instead of in a loop. Its age needs no memory that a browser may deny.
 */
export const RELOAD_INTERVAL_MS = 5_000;

/** The reasons of a `bye` that end the session: a stream has no close code, so they alone must tell. */
const SESSION_ENDED_REASONS = new Set(["signed-out", "expired", "revoked", "sign-in", "second-factor"]);

/** The reasons of losses that are over by themselves, with a notice meanwhile. @type {ReadonlySet<string>} */
const TEMPORARY_REASONS = new Set(["gone", "unconfirmed", "crowded", "shutdown"]);

/** The beginning of a batch as the server writes it: one that nobody looks at is not parsed to find out. */
const BATCH_PREFIX = '{"type":"batch"';

const CLOSE_SIGN_IN_AGAIN = 4401;
const CLOSE_NOT_ALLOWED = 4403;

export class LiveConnection {
  /**
   * @param {{ live: string, events: string, epoch: string | null, seq: number | null, revision: string | null }} start
   * @param {Listener} listener
   * @param {Environment} environment
   */
  constructor(start, listener, environment) {
    this.urls = { websocket: start.live, events: start.events };
    this.cursor = new Cursor(start.epoch, start.seq);
    /** The revision of the page's file, when the server painted what stands here. */
    this.revision = start.revision;
    this.listener = listener;
    this.environment = environment;
    this.reconnect = new ReconnectPolicy();
    this.inputThrottle = new Throttle(INPUTS_INTERVAL_MS, environment);
    /** @type {WebSocket | EventSource | null} */
    this.connection = null;
    this.helloReceived = false;
    /** Whether the end of this connection was announced: it works, then, whatever it said before. */
    this.byeReceived = false;
    this.openedAt = 0;
    /** When something was heard last, or asked for. */
    this.lastHeardAt = 0;
    /** Milliseconds of silence after which the connection counts as dead. */
    this.silenceLimitMs = HELLO_TIMEOUT_MS;
    this.ended = false;
    /** How many connections in a row turned out to be alive, whose panels had grown old. */
    this.falseAlarms = 0;
    /** @type {any} */
    this.watchdog = null;
    /** @type {any} */
    this.retryTimer = null;
  }

  /** Connects now, whatever was waited for. */
  connect() {
    if (this.ended) return;
    this.disconnect();
    const { environment } = this;
    const { transport, lostAt } = this.reconnect;
    this.byeReceived = false;
    this.openedAt = environment.now();
    this.lastHeardAt = this.openedAt;
    this.silenceLimitMs = HELLO_TIMEOUT_MS;
    // A browser has six connections to a server where upgrades are blocked, and a tab that nobody sees must not keep one of them.
    if (transport === "events" && this.cursor.paused) {
      this.listener.onState({ kind: "paused" });
      return;
    }
    if (lostAt === null) this.listener.onState({ kind: "connecting" });
    const url = resumeUrl(this.urls[transport], environment.baseUrl, transport, this.cursor.epoch, this.cursor.seq);
    const connection = transport === "websocket" ? environment.openSocket(url) : environment.openEventStream(url);
    this.connection = connection;
    connection.onmessage = (/** @type {MessageEvent} */ event) => this.connection === connection && this.receive(event.data);
    if (transport === "websocket") {
      const socket = /** @type {WebSocket} */ (connection);
      socket.onclose = (event) => this.connection === connection && this.handleLoss(event.code);
    } else {
      // The browser would reconnect by itself, but without jitter, and without telling a lost connection from a lost session.
      connection.onerror = () => this.connection === connection && this.handleLoss(0);
    }
    this.startWatchdog();
  }

  /**
   * Leaves batches unread, since nobody looks; `resume` catches up. Over a socket an ended session is still noticed; a stream of
   * events, of which a browser has few, is let go.
   */
  pause() {
    this.cursor.pause();
    if (this.ended || this.reconnect.transport !== "events") return;
    this.disconnect();
    this.listener.onState({ kind: "paused" });
  }

  /** Ends the pause. */
  resume() {
    if (this.cursor.resume() && this.connection) this.connect();
    else this.wake();
  }

  /**
   * Checks the connection after time may have gone by unnoticed: timers stand still while a laptop sleeps or a tab is
   * frozen. One that has been silent for too long is dead, and a delay that the server did not ask for is over.
   */
  wake() {
    if (this.ended) this.checkReturn();
    this.checkSilence();
    if (this.ended) return;
    if (!this.connection && this.retryTimer === null) this.connect();
    else this.retryNow();
  }

  /** Checks for silence by the clock, as a watchdog whose timer stood still cannot. */
  checkSilence() {
    if (this.connection && this.environment.now() - this.lastHeardAt > this.silenceLimitMs) this.handleLoss(0);
  }

  /**
   * Checks a connection that says nothing while panels grow old: it may have been cut without a word, which its heartbeat would
   * tell much later. One that turns out to be alive is doubted half as often.
   *
   * @param {number} ms how old a reading of the panels may be
   */
  doubt(ms) {
    if (!this.connection || !this.helloReceived) return;
    if (this.environment.now() - this.lastHeardAt < ms * 2 ** Math.min(this.falseAlarms, 8)) return;
    this.falseAlarms += 1;
    this.handleLoss(0);
  }

  /**
   * Asks for the page, after the session or the right to see it has ended: when it is given again, the page is loaded, with the
   * name of whoever is signed in now.
   */
  checkReturn() {
    if (!this.ended) return;
    this.environment.probePage().then(
      (status) => status === 200 && this.environment.reload(),
      () => {},
    );
  }

  /** Checks again and again whether the right was given back. @param {number} delay */
  awaitReturn(delay) {
    this.retryTimer = this.environment.setTimer(() => {
      if (!this.cursor.paused) this.checkReturn();
      this.awaitReturn(Math.min(delay * 2, MAX_RETURN_CHECK_MS));
    }, delay);
  }

  /** Ends a running delay, since there may be a network now; but not one that the server asked for. */
  retryNow() {
    if (this.retryTimer !== null && !this.reconnect.serverRequested) this.connect();
  }

  /** Disconnects while the browser stops this page: what would come must not pile up. `wake` goes on from here. */
  suspend() {
    if (!this.connection) return;
    this.disconnect();
    this.listener.onState({ kind: "paused" });
  }

  /**
   * Switches to the channel of other inputs: at once, or, when one choice follows the other, to the last of them.
   *
   * @param {Record<string, string>} values
   * @returns {boolean} false when the connection has ended for good
   */
  setInputs(values) {
    if (this.ended) return false;
    const { baseUrl } = this.environment;
    this.urls = {
      websocket: withInputs(this.urls.websocket, baseUrl, values),
      events: withInputs(this.urls.events, baseUrl, values),
    };
    this.cursor.invalidate();
    this.inputThrottle.schedule(() => this.sendInputs(values));
    return true;
  }

  /** @param {Record<string, string>} values */
  sendInputs(values) {
    if (this.reconnect.transport === "websocket" && this.helloReceived && this.connection) {
      /** @type {WebSocket} */ (this.connection).send(JSON.stringify({ type: "inputs", values }));
      this.startWatchdog(SNAPSHOT_TIMEOUT_MS);
    } else if (this.retryTimer === null || !this.reconnect.serverRequested) {
      // Who was asked to wait takes the choice along then; it is in the address already.
      this.connect();
    }
  }

  /** @param {string} text one message */
  receive(text) {
    this.lastHeardAt = this.environment.now();
    if (text.startsWith(BATCH_PREFIX) && this.cursor.skipWhilePaused()) {
      this.startWatchdog();
      return;
    }
    /** @type {Message} */
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      // Half a message means that the connection cannot be trusted; a new one starts from the last good position.
      this.handleLoss(0);
      return;
    }
    if (message.type === "bye") {
      this.receiveBye(message.reason, message.retry_ms);
      return;
    }
    if (message.type === "hello") this.receiveHello(message);
    else if (message.type === "ping") this.sendPong();
    else if (message.type === "snapshot") this.receiveSnapshot(message);
    else if (message.type === "batch") this.receiveBatch(message);
    // While a snapshot is owed, other talk does not count as an answer.
    if (this.connection && !this.cursor.awaitingSnapshot) this.startWatchdog();
  }

  /** @param {import("./types.js").Hello} hello */
  receiveHello(hello) {
    this.helloReceived = true;
    this.reconnect.reset();
    if (this.revision && hello.revision && hello.revision !== this.revision) {
      this.reloadPage();
      return;
    }
    this.silenceLimitMs = 2000 * Math.min(Math.max(hello.heartbeat, 1), MAX_HEARTBEAT_S);
    this.cursor.acceptHello(hello.epoch);
    // A large state over a slow network takes its time; nothing is shown of it before its end.
    if (this.cursor.awaitingSnapshot) this.startWatchdog();
    this.listener.onState({ kind: "live" });
  }

  /** Loads the page anew, as it is another one by now: nothing of its channel belongs on what stands here. */
  reloadPage() {
    const delay = RELOAD_INTERVAL_MS - this.environment.pageAge();
    if (delay > 0) {
      this.reconnect.requestedDelay = delay;
      this.handleLoss(0);
      return;
    }
    this.disconnect();
    this.environment.reload();
  }

  sendPong() {
    if (this.reconnect.transport === "websocket") /** @type {WebSocket} */ (this.connection).send('{"type":"pong"}');
  }

  /** @param {import("./types.js").Snapshot} snapshot */
  receiveSnapshot(snapshot) {
    // The answer to a choice that is not the last one: showing it would show the wrong thing under the right name.
    if (this.inputThrottle.isPending) return;
    if (this.cursor.acceptSnapshot(snapshot)) this.listener.onSnapshot(snapshot.panels);
  }

  /** @param {import("./types.js").Batch} batch */
  receiveBatch(batch) {
    const verdict = this.cursor.acceptBatch(batch);
    if (verdict === "next") {
      this.falseAlarms = 0;
      this.listener.onBatch(batch.panels, batch.sent);
    } else if (verdict === "gap") {
      // Painting on would show a state that never was; a snapshot puts it right.
      this.cursor.invalidate();
      this.handleLoss(0);
    }
  }

  /**
   * @param {string} reason
   * @param {number | undefined} retryMs
   */
  receiveBye(reason, retryMs) {
    if (SESSION_ENDED_REASONS.has(reason)) {
      this.end({ kind: "signed-out", reason });
      return;
    }
    if (reason === "not-allowed") {
      this.end({ kind: "refused" });
      return;
    }
    this.byeReceived = true;
    this.reconnect.reason = TEMPORARY_REASONS.has(reason) ? /** @type {LossReason} */ (reason) : null;
    this.reconnect.requestedDelay = retryMs ?? null;
    // Over a socket the close frame follows and may say more; a stream just ends.
    if (this.reconnect.transport === "events") this.handleLoss(0);
  }

  /**
   * Handles the loss of the connection.
   *
   * @param {number} code the close code; 0 when there was none
   */
  handleLoss(code) {
    if (this.ended) return;
    const { reconnect, helloReceived, byeReceived, environment } = this;
    this.disconnect();
    if (code === CLOSE_SIGN_IN_AGAIN) return this.end({ kind: "signed-out", reason: "" });
    if (code === CLOSE_NOT_ALLOWED) return this.end({ kind: "refused" });
    const now = environment.now();
    if (helloReceived && now - this.openedAt >= STABLE_AFTER_MS) reconnect.attempt = 0;
    if (!helloReceived && !byeReceived && reconnect.countFailure()) this.probe();
    this.retryTimer = environment.setTimer(() => this.connect(), reconnect.nextDelay(now, environment.random));
    this.reportLoss();
  }

  reportLoss() {
    const { reason, lostAt, retryAt } = this.reconnect;
    this.listener.onState({ kind: "reconnecting", at: retryAt, since: lostAt ?? this.environment.now(), reason });
  }

  /**
   * Asks for the page itself: to a script, a refused upgrade looks like a broken connection. A session that has ended is
   * redirected to the sign-in form. A page that is gone may come back, and is asked for as long as somebody waits for it.
   */
  probe() {
    this.environment.probePage().then(
      (status) => {
        // By now a connection may stand; then the question has answered itself.
        if (this.helloReceived) return;
        if (status === 401) this.end({ kind: "signed-out", reason: "" });
        else if (status === 403) this.end({ kind: "refused" });
        else this.setGone(status === 404);
      },
      // Not reachable either, and nobody knows whether the page is there: that is what the retries are for.
      () => this.setGone(false),
    );
  }

  /** @param {boolean} gone */
  setGone(gone) {
    if (this.helloReceived || this.ended || gone === (this.reconnect.reason === "gone")) return;
    this.reconnect.reason = gone ? "gone" : null;
    this.reportLoss();
  }

  /** @param {ConnectionState} connection */
  end(connection) {
    if (this.ended) return;
    this.ended = true;
    this.disconnect();
    this.listener.onState(connection);
    if (connection.kind === "refused") this.awaitReturn(FIRST_RETURN_CHECK_MS);
  }

  /** Restarts the watchdog. @param {number} [ms] */
  startWatchdog(ms = this.silenceLimitMs) {
    this.environment.clearTimer(this.watchdog);
    this.watchdog = this.environment.setTimer(() => this.handleLoss(0), ms);
  }

  /** Closes the connection and clears every timer. */
  disconnect() {
    const { connection, environment } = this;
    environment.clearTimer(this.watchdog);
    environment.clearTimer(this.retryTimer);
    // The next connection's address has the newest inputs in it.
    this.inputThrottle.cancel();
    this.watchdog = null;
    this.retryTimer = null;
    this.connection = null;
    this.helloReceived = false;
    if (!connection) return;
    connection.onmessage = null;
    connection.onerror = null;
    if ("onclose" in connection) connection.onclose = null;
    connection.close();
  }
}
