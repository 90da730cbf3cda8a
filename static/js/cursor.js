/**
 * Where this page is in its channel, and which messages fit there. It paints nothing and knows no line; a snapshot or a
 * batch that it lets through is the next one, and nothing is missing before it.
 */

export class Cursor {
  /**
   * @param {string | null} epoch
   * @param {number | null} seq
   */
  constructor(epoch, seq) {
    this.epoch = epoch;
    this.seq = seq;
    /** Whether batches are of a channel that this page does not show (yet), until a snapshot comes. */
    this.adrift = false;
    this.paused = false;
    this.missed = false;
  }

  /** Nobody looks: what comes is left unread. */
  pause() {
    this.paused = true;
  }

  /** Somebody looks again. @returns {boolean} whether something was left unread */
  resume() {
    const { missed } = this;
    this.paused = false;
    this.missed = false;
    return missed;
  }

  /** Whether the next batch is none to be shown. @returns {boolean} */
  leavesUnread() {
    if (!this.paused || this.adrift) return false;
    this.missed = true;
    return true;
  }

  /** The position is worth nothing any more; only a snapshot gives a new one. */
  leave() {
    this.epoch = null;
    this.seq = null;
    this.adrift = true;
  }

  /** A line greets with the channel's epoch. @param {string} epoch */
  greet(epoch) {
    this.adrift = epoch !== this.epoch || this.seq === null;
  }

  /** @param {import("./types.js").Snapshot} snapshot @returns {boolean} whether it is to be shown */
  takesSnapshot(snapshot) {
    this.adrift = false;
    if (this.paused) {
      this.missed = true;
      return false;
    }
    this.epoch = snapshot.epoch;
    this.seq = snapshot.seq;
    return true;
  }

  /** @param {import("./types.js").Batch} batch @returns {"next" | "skip" | "gap"} `gap`: batches before it are missing */
  takesBatch(batch) {
    if (this.adrift) return "skip";
    if (this.paused) {
      this.missed = true;
      return "skip";
    }
    // Unread batches lie between: a new line, which catches up, is already on its way.
    if (this.missed) return "skip";
    if (this.seq !== null && batch.seq <= this.seq) return "skip";
    if (this.seq !== null && batch.seq !== this.seq + 1) return "gap";
    this.seq = batch.seq;
    return "next";
  }
}
