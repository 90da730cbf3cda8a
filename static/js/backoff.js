/** How long to wait before the next attempt. Pure: chance is passed in. */

/** The ceiling of the first wait, in milliseconds. */
export const FIRST_MS = 500;

/** No wait is longer: whoever looks at the screen after an outage should not look for long. */
export const CEILING_MS = 30_000;

/** No wait is shorter, or a refusing server would be asked in a tight circle. */
export const FLOOR_MS = 150;

/** What a server may ask for at most; beyond it, its word is taken for a mistake. */
export const LONGEST_ASKED_MS = 300_000;

/**
 * Exponential with full jitter: anywhere below a ceiling that doubles with each attempt. A thousand viewers who lost the
 * same server come back spread out. A server that said when to come back has spread them itself, and is obeyed.
 *
 * @param {number} attempt how many attempts have failed in a row, from 0
 * @param {() => number} random from 0 to 1, like `Math.random`
 * @param {number | null} [asked] what the server asked for, in milliseconds
 * @returns {number} milliseconds
 */
export function wait(attempt, random, asked = null) {
  if (asked !== null && Number.isFinite(asked) && asked >= 0) return Math.min(Math.max(asked, FLOOR_MS), LONGEST_ASKED_MS);
  // 2^16 is far above the ceiling already; the exponent stops there so that months of attempts cannot overflow it.
  const ceiling = Math.min(CEILING_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.max(FLOOR_MS, Math.round(random() * ceiling));
}
