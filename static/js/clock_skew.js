/**
 * Estimates how far the server's clock is ahead of this one, by the least delayed message of the last few minutes. Pure.
 *
 * A delay on the way only makes the difference smaller, so the largest is the truest. It must not stand for ever, though:
 * screens run for months, clocks drift and are set, and a largest that never falls makes everything look late.
 */

/** A largest difference stands for at least this long and at most twice: longer than a network is slow at a stretch. */
export const WINDOW_MS = 120_000;

export class ClockSkew {
  constructor() {
    /** How far it is ahead, in milliseconds; what was known last stands until something better is heard. */
    this.offset = 0;
    /** When this window began, by the viewer's clock; `null` before anything was heard. @type {number | null} */
    this.windowStart = null;
    /** The largest difference of this window, and of the one before. */
    this.max = -Infinity;
    this.previousMax = -Infinity;
  }

  /**
   * @param {number} sent a message's time of sending, in milliseconds by the server's clock
   * @param {number} now when it was heard, by the viewer's
   */
  addSample(sent, now) {
    const difference = sent - now;
    const age = this.windowStart === null ? Infinity : now - this.windowStart;
    // A clock that was set back, or far ahead, makes every difference before it worthless.
    if (age < 0 || age >= 2 * WINDOW_MS) this.startWindow(-Infinity, now);
    else if (age >= WINDOW_MS) this.startWindow(this.max, now);
    this.max = Math.max(this.max, difference);
    this.offset = Math.max(this.max, this.previousMax);
  }

  /** Starts anew: the next message alone tells the difference. */
  reset() {
    this.windowStart = null;
  }

  /** @param {number} previousMax @param {number} now */
  startWindow(previousMax, now) {
    this.previousMax = previousMax;
    this.max = -Infinity;
    this.windowStart = now;
  }
}
