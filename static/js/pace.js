/** A pace for what a hand can ask for faster than a server should hear it: the first at once, then the newest in turn. */

/**
 * @typedef {object} Clockwork
 * @property {(work: () => void, ms: number) => any} later
 * @property {(timer: any) => void} never
 * @property {() => number} now
 */

export class Pace {
  /**
   * @param {number} every the least time between two, in milliseconds
   * @param {Clockwork} clockwork
   */
  constructor(every, clockwork) {
    this.every = every;
    this.clockwork = clockwork;
    this.lastAt = -Infinity;
    /** @type {any} */
    this.timer = null;
  }

  /** Whether something has been asked for and not been done yet. */
  get waiting() {
    return this.timer !== null;
  }

  /** Does `work` as soon as the pace allows. What waited is older, and is not done. @param {() => void} work */
  ask(work) {
    this.drop();
    const rest = this.lastAt + this.every - this.clockwork.now();
    if (rest <= 0) this.go(work);
    // A clock that was set back must not make anybody wait until it has caught up.
    else this.timer = this.clockwork.later(() => this.go(work), Math.min(rest, this.every));
  }

  /** @param {() => void} work */
  go(work) {
    this.timer = null;
    this.lastAt = this.clockwork.now();
    work();
  }

  /** What waits is not done. */
  drop() {
    this.clockwork.never(this.timer);
    this.timer = null;
  }
}
