/** A throttle for what a hand can ask for faster than a server should get it: the first at once, then the newest in turn. */

/**
 * @typedef {object} Timers
 * @property {(work: () => void, ms: number) => any} setTimer
 * @property {(timer: any) => void} clearTimer
 * @property {() => number} now
 */

export class Throttle {
  /**
   * @param {number} intervalMs the least time between two, in milliseconds
   * @param {Timers} timers
   */
  constructor(intervalMs, timers) {
    this.intervalMs = intervalMs;
    this.timers = timers;
    this.lastRunAt = -Infinity;
    /** @type {any} */
    this.timer = null;
  }

  /** Whether something is scheduled and not done yet. */
  get isPending() {
    return this.timer !== null;
  }

  /** Does `work` as soon as the interval allows. What waited is older, and is not done. @param {() => void} work */
  schedule(work) {
    this.cancel();
    const delay = this.lastRunAt + this.intervalMs - this.timers.now();
    if (delay <= 0) this.run(work);
    // A clock that was set back must not make anybody wait until it has caught up.
    else this.timer = this.timers.setTimer(() => this.run(work), Math.min(delay, this.intervalMs));
  }

  /** @param {() => void} work */
  run(work) {
    this.timer = null;
    this.lastRunAt = this.timers.now();
    work();
  }

  /** Drops what waits. */
  cancel() {
    this.timers.clearTimer(this.timer);
    this.timer = null;
  }
}
