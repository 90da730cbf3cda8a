/**
 * The policy for reconnecting: over which transport, how soon, and why the connection was lost as far as is known. It
 * counts and decides, but opens nothing and has no timer.
 */

import { backoffDelay } from "./backoff.js";
import { nextTransport } from "./resume.js";

/** @typedef {import("./types.js").LossReason} LossReason */

/** After each so many failed attempts, the page is asked over plain HTTP whether the session still stands. */
const PROBE_EVERY = 4;

export class ReconnectPolicy {
  constructor() {
    /** @type {"websocket" | "events"} */
    this.transport = "websocket";
    /** Attempts over this transport, in a row, that ended before a `hello`. */
    this.failures = 0;
    /** Losses in a row. */
    this.attempt = 0;
    /** @type {number | null} */
    this.lostAt = null;
    /** When the next attempt is due. */
    this.retryAt = 0;
    /** The delay that the server asked for, in milliseconds. @type {number | null} */
    this.requestedDelay = null;
    /** Whether the running delay was asked for by the server: nothing that happens here shortens it. */
    this.serverRequested = false;
    /** Why it was lost, as far as is known. @type {LossReason | null} */
    this.reason = null;
  }

  /** Resets the counts after a `hello`. */
  reset() {
    this.failures = 0;
    this.lostAt = null;
    this.reason = null;
  }

  /**
   * Counts an attempt that ended before a `hello`: a proxy that blocks upgrades, a session that has ended, or a server that is away.
   *
   * @returns {boolean} whether it is time to ask for the page itself
   */
  countFailure() {
    this.failures += 1;
    // What the server said last explains its silence no longer. A page that is gone is another matter, which can be asked.
    if (this.reason !== "gone") this.reason = null;
    const next = nextTransport(this.transport, this.failures);
    if (next !== this.transport) {
      this.transport = next;
      this.failures = 0;
    }
    // A stream that is refused cannot say that the page is still gone; only the page can.
    return this.reason === "gone" || this.attempt % PROBE_EVERY === 0;
  }

  /**
   * Records a loss, and gives the delay before the next attempt.
   *
   * @param {number} now
   * @param {() => number} random
   * @returns {number} milliseconds from now
   */
  nextDelay(now, random) {
    this.lostAt ??= now;
    let ms = backoffDelay(this.attempt, random, this.requestedDelay);
    // A file that is being saved is back in a moment, one that was removed perhaps never; and where there is no room, all
    // who wait for it ask. Ever more slowly, then, and never sooner than the server said.
    if (this.reason === "gone" || this.reason === "crowded") ms = Math.max(ms, backoffDelay(this.attempt, random));
    this.attempt += 1;
    this.serverRequested = this.requestedDelay !== null;
    this.requestedDelay = null;
    this.retryAt = now + ms;
    return ms;
  }
}
