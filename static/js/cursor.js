/**
 * The page's position in its channel, and which messages fit there. It paints nothing and knows no connection; a snapshot
 * or a batch that it lets through is the next one, and nothing is missing before it.
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
    this.awaitingSnapshot = false;
    this.paused = false;
    this.missedBatch = false;
  }

  /** Leaves what comes unread, since nobody looks. */
  pause() {
    this.paused = true;
  }

  /** Ends the pause. @returns {boolean} whether something was left unread */
  resume() {
    const { missedBatch } = this;
    this.paused = false;
    this.missedBatch = false;
    return missedBatch;
  }

  /** Leaves a batch unread while paused, and remembers that. @returns {boolean} whether it is left */
  skipWhilePaused() {
    if (!this.paused || this.awaitingSnapshot) return false;
    this.missedBatch = true;
    return true;
  }

  /** Drops the position; only a snapshot gives a new one. */
  invalidate() {
    this.epoch = null;
    this.seq = null;
    this.awaitingSnapshot = true;
  }

  /** Compares the epoch of a `hello` with the position's. @param {string} epoch */
  acceptHello(epoch) {
    this.awaitingSnapshot = epoch !== this.epoch || this.seq === null;
  }

  /** @param {import("./types.js").Snapshot} snapshot @returns {boolean} whether it is to be shown */
  acceptSnapshot(snapshot) {
    this.awaitingSnapshot = false;
    if (this.paused) {
      this.missedBatch = true;
      return false;
    }
    this.epoch = snapshot.epoch;
    this.seq = snapshot.seq;
    return true;
  }

  /** @param {import("./types.js").Batch} batch @returns {"next" | "skip" | "gap"} `gap`: batches before it are missing */
  acceptBatch(batch) {
    if (this.awaitingSnapshot) return "skip";
    if (this.paused) {
      this.missedBatch = true;
      return "skip";
    }
    // Unread batches lie between: a new connection, which catches up, is already on its way.
    if (this.missedBatch) return "skip";
    if (this.seq !== null && batch.seq <= this.seq) return "skip";
    if (this.seq !== null && batch.seq !== this.seq + 1) return "gap";
    this.seq = batch.seq;
    return "next";
  }
}
