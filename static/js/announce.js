/**
 * What someone who listens to the page hears: one calm line when something has changed for the worse or back, never a
 * ticking number.
 */
import { text } from "./dom.js";

/** The least time between two lines, in milliseconds; whoever listens has other things to hear. */
const EVERY_MS = 8000;

/** So many things are named in one line. */
const NAMED = 3;

export class Announcer {
  /** @param {HTMLElement} node a polite live region */
  constructor(node) {
    this.node = node;
    /** Newest words per thing. @type {Map<string, string>} */
    this.waiting = new Map();
    this.lastAt = -Infinity;
    /** @type {ReturnType<typeof setTimeout> | null} */
    this.timer = null;
  }

  /** @param {string} thing @param {string} words */
  say(thing, words) {
    this.waiting.delete(thing);
    this.waiting.set(thing, words);
    if (this.timer !== null) return;
    const rest = Math.max(0, this.lastAt + EVERY_MS - Date.now());
    this.timer = setTimeout(() => this.speak(), rest);
  }

  speak() {
    this.timer = null;
    this.lastAt = Date.now();
    text(this.node, summary([...this.waiting.values()]));
    this.waiting.clear();
  }
}

/** @param {string[]} lines @returns {string} */
export function summary(lines) {
  const rest = lines.length - NAMED;
  return [...lines.slice(0, NAMED), ...(rest > 0 ? [`and ${rest} more`] : [])].join("; ") + ".";
}
