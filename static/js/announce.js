/**
 * Announcements for screen readers: one calm line when something has changed for the worse or back, never a ticking
 * number.
 */
import { setText } from "./dom.js";

/** The least time between two announcements, in milliseconds; whoever listens has other things to hear. */
const MIN_INTERVAL_MS = 8000;

/** The most changes named in one announcement. */
const MAX_NAMED = 3;

export class Announcer {
  /** @param {HTMLElement} node a polite live region */
  constructor(node) {
    this.node = node;
    /** The newest message by key. @type {Map<string, string>} */
    this.pending = new Map();
    this.lastAt = -Infinity;
    /** @type {ReturnType<typeof setTimeout> | null} */
    this.timer = null;
  }

  /** @param {string} key @param {string} message */
  announce(key, message) {
    this.pending.delete(key);
    this.pending.set(key, message);
    if (this.timer !== null) return;
    const delay = Math.max(0, this.lastAt + MIN_INTERVAL_MS - Date.now());
    this.timer = setTimeout(() => this.flush(), delay);
  }

  flush() {
    this.timer = null;
    this.lastAt = Date.now();
    setText(this.node, summary([...this.pending.values()]));
    this.pending.clear();
  }
}

/** @param {string[]} lines @returns {string} */
export function summary(lines) {
  const remaining = lines.length - MAX_NAMED;
  return [...lines.slice(0, MAX_NAMED), ...(remaining > 0 ? [`and ${remaining} more`] : [])].join("; ") + ".";
}
