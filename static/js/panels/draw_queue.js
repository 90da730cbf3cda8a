/**
 * A queue of charts to draw: only those that can be seen, and so many in one frame that no hand feels it. A chart that
 * changes again before its turn has come is drawn once. The queue knows nothing of what a chart is.
 */

/**
 * How many are drawn in one frame, which takes some 15 ms without a graphics card. At sixty frames a second, fifty charts that
 * are all in view still have their turn nearly ten times.
 */
export const MAX_PER_FRAME = 8;

/** @template T */
export class DrawQueue {
  /**
   * @param {(one: T) => void} draw
   * @param {(work: () => void) => void} nextFrame
   */
  constructor(draw, nextFrame) {
    this.draw = draw;
    this.nextFrame = nextFrame;
    /** @type {Set<T>} */
    this.inView = new Set();
    /** The charts that are out of date, the longest waiting first. @type {Set<T>} */
    this.pending = new Set();
    this.scheduled = false;
  }

  /** Queues a chart that is out of date. @param {T} one */
  enqueue(one) {
    this.pending.add(one);
    if (!this.inView.has(one)) return;
    if (this.scheduled) return;
    this.scheduled = true;
    // Who paints is in the middle of a frame, and done when it comes to this: the first are drawn in the same one.
    queueMicrotask(() => this.drawNext());
  }

  /** Sets whether a chart can be seen. @param {T} one @param {boolean} isInView */
  setInView(one, isInView) {
    if (!isInView) {
      this.inView.delete(one);
      return;
    }
    this.inView.add(one);
    if (this.pending.has(one)) this.enqueue(one);
  }

  /** Removes a chart that is gone. @param {T} one */
  remove(one) {
    this.inView.delete(one);
    this.pending.delete(one);
  }

  /** Draws everything at once, as on paper. */
  drawAll() {
    const pending = [...this.pending];
    this.pending.clear();
    for (const one of pending) this.draw(one);
  }

  drawNext() {
    this.scheduled = false;
    let count = 0;
    for (const one of this.pending) {
      if (!this.inView.has(one)) continue;
      if (count === MAX_PER_FRAME) {
        this.scheduled = true;
        this.nextFrame(() => this.drawNext());
        return;
      }
      count += 1;
      this.pending.delete(one);
      this.draw(one);
    }
  }
}
