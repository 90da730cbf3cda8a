/**
 * How a lost connection comes back: over what, how soon, and what is known of why it was lost. It counts and decides, but
 * dials nothing and has no timer.
 */

import { wait } from "./backoff.js";
import { nextTransport } from "./resume.js";

/** @typedef {import("./types.js").Why} Why */

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
    /** Whether the wait that runs is the server's own word: nothing that happens here shortens it. */
    this.bidden = false;
    /** Why it was lost, as far as is known. @type {Why | null} */
    this.why = null;
  }

  /** A line said hello. */
  greet() {
    this.failures = 0;
    this.lostAt = null;
    this.why = null;
  }

  /**
   * An attempt ended without a word: a proxy that blocks upgrades, a session that has ended, or a server that is away.
   *
   * @returns {boolean} whether it is time to ask for the page itself
   */
  suspect() {
    this.failures += 1;
    // What the server said last explains its silence no longer. A page that is gone is another matter, which can be asked.
    if (this.why !== "gone") this.why = null;
    const next = nextTransport(this.transport, this.failures);
    if (next !== this.transport) {
      this.transport = next;
      this.failures = 0;
    }
    // A stream that is refused cannot say that the page is still gone; only the page can.
    return this.why === "gone" || this.attempt % PROBE_EVERY === 0;
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
    // A file that is being saved is back in a moment, one that was removed perhaps never; and where there is no room, all
    // who wait for it ask. Ever more slowly, then, and never sooner than the server said.
    if (this.why === "gone" || this.why === "crowded") ms = Math.max(ms, wait(this.attempt, random));
    this.attempt += 1;
    this.bidden = this.asked !== null;
    this.asked = null;
    this.retryAt = now + ms;
    return ms;
  }
}
