/**
 * How far the server's clock is ahead of this one, by the least delayed message of the last few minutes. Pure.
 *
 * A delay on the way only makes the difference smaller, so the largest is the truest. It must not stand for ever, though:
 * screens run for months, clocks drift and are set, and a largest that never falls makes everything look late.
 */

/** A largest difference stands for at least this long and at most twice: longer than a network is slow at a stretch. */
export const WINDOW_MS = 120_000;

export class Skew {
  constructor() {
    /** Milliseconds; what was known last stands until something better is heard. */
    this.ahead = 0;
    /** When this window began, by the viewer's clock; `null` before anything was heard. @type {number | null} */
    this.since = null;
    /** The largest of this window, and of the one before. */
    this.largest = -Infinity;
    this.before = -Infinity;
  }

  /**
   * @param {number} sent a message's time of sending, in milliseconds by the server's clock
   * @param {number} now when it was heard, by the viewer's
   */
  learn(sent, now) {
    const difference = sent - now;
    const age = this.since === null ? Infinity : now - this.since;
    // A clock that was set back, or far ahead, makes every difference before it worthless.
    if (age < 0 || age >= 2 * WINDOW_MS) this.begin(-Infinity, now);
    else if (age >= WINDOW_MS) this.begin(this.largest, now);
    this.largest = Math.max(this.largest, difference);
    this.ahead = Math.max(this.largest, this.before);
  }

  /** The next message alone tells the difference. */
  forget() {
    this.since = null;
  }

  /** @param {number} before @param {number} now */
  begin(before, now) {
    this.before = before;
    this.largest = -Infinity;
    this.since = now;
  }
}
