/**
 * How a lost connection comes back: over what, how soon, and what is known of why it was lost. It counts and decides, but
 * dials nothing and has no timer.
 */

import { wait } from "./backoff.js";
import { nextTransport } from "./resume.js";

/** Each so many failed attempts, the server is asked over plain HTTP whether the session still stands. */
const PROBE_EVERY = 4;

export class Comeback {
  constructor() {
    /** @type {"websocket" | "events"} */
    this.transport = "websocket";
    /** Attempts that ended without a word, in a row, over this transport. */
    this.failures = 0;
    /** Losses in a row. */
    this.attempt = 0;
    /** @type {number | null} */
    this.lostAt = null;
    /** When the next attempt is due. */
    this.retryAt = 0;
    /** What the server asked for, in milliseconds. @type {number | null} */
    this.asked = null;
    /** Whether the page's file is away, as far as is known. */
    this.gone = false;
    /** Whether the server said that nobody can confirm the session for now. */
    this.unconfirmed = false;
  }

  /** A line said hello. */
  greet() {
    this.failures = 0;
    this.lostAt = null;
    this.gone = false;
    this.unconfirmed = false;
  }

  /**
   * An attempt ended without a word: a proxy that blocks upgrades, a session that has ended, or a server that is away.
   *
   * @returns {boolean} whether it is time to ask for the page itself
   */
  suspect() {
    this.failures += 1;
    const next = nextTransport(this.transport, this.failures);
    if (next !== this.transport) {
      this.transport = next;
      this.failures = 0;
    }
    // A stream that is refused cannot say that the page is still gone; only the page can.
    return this.gone || this.attempt % PROBE_EVERY === 0;
  }

  /**
   * A loss, and when to try again.
   *
   * @param {number} now
   * @param {() => number} random
   * @returns {number} milliseconds from now
   */
  plan(now, random) {
    this.lostAt ??= now;
    let ms = wait(this.attempt, random, this.asked);
    // A file that is being saved is back in a moment, one that was removed perhaps never: ask ever more slowly.
    if (this.gone) ms = Math.max(ms, wait(this.attempt, random));
    this.attempt += 1;
    this.asked = null;
    this.retryAt = now + ms;
    return ms;
  }
}
