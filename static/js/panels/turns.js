/**
 * When charts are drawn: only those that can be seen, and so many in one frame that no hand feels it. A chart that has news
 * again before its turn has come is drawn once, with all of it. It knows nothing of what a chart is.
 */

/**
 * So many are drawn in one frame, which takes some 15 ms without a graphics card. At sixty frames a second, fifty charts that
 * are all in view still have their turn nearly ten times.
 */
export const AT_ONCE = 8;

/** @template T */
export class Turns {
  /**
   * @param {(one: T) => void} draw
   * @param {(work: () => void) => void} nextFrame
   */
  constructor(draw, nextFrame) {
    this.draw = draw;
    this.nextFrame = nextFrame;
    /** @type {Set<T>} */
    this.inView = new Set();
    /** What is out of date, the longest waiting first. @type {Set<T>} */
    this.waiting = new Set();
    this.asked = false;
  }

  /** It has news. @param {T} one */
  ask(one) {
    this.waiting.add(one);
    if (!this.inView.has(one)) return;
    if (this.asked) return;
    this.asked = true;
    // Who paints is in the middle of a frame, and done when it comes to this: the first are drawn in the same one.
    queueMicrotask(() => this.take());
  }

  /** Whether it can be seen has changed. @param {T} one @param {boolean} isInView */
  see(one, isInView) {
    if (!isInView) {
      this.inView.delete(one);
      return;
    }
    this.inView.add(one);
    if (this.waiting.has(one)) this.ask(one);
  }

  /** It is gone. @param {T} one */
  forget(one) {
    this.inView.delete(one);
    this.waiting.delete(one);
  }

  /** Everything is to be seen at once, as on paper. */
  drawAll() {
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const one of waiting) this.draw(one);
  }

  take() {
    this.asked = false;
    let drawn = 0;
    for (const one of this.waiting) {
      if (!this.inView.has(one)) continue;
      if (drawn === AT_ONCE) {
        this.asked = true;
        this.nextFrame(() => this.take());
        return;
      }
      drawn += 1;
      this.waiting.delete(one);
      this.draw(one);
    }
  }
}
