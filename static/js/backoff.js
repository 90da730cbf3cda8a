/** The delay before the next attempt to connect. Pure: chance is passed in. */

/** The ceiling of the first delay, in milliseconds. */
export const FIRST_CEILING_MS = 500;

/** The longest delay: whoever looks at the screen after an outage should not look for long. */
export const MAX_DELAY_MS = 30_000;

/** The shortest delay, or a refusing server would be asked in a tight loop. */
export const MIN_DELAY_MS = 150;

/** The longest delay that a server may ask for; beyond it, its word is taken for a mistake. */
export const MAX_RETRY_AFTER_MS = 300_000;

/**
 * Exponential with full jitter: anywhere below a ceiling that doubles with each attempt. A thousand viewers who lost the
 * same server come back spread out. A server that said when to come back has spread them itself, and is obeyed.
 *
 * @param {number} attempt how many attempts have failed in a row, from 0
 * @param {() => number} random from 0 to 1, like `Math.random`
 * @param {number | null} [retryAfter] the delay that the server asked for, in milliseconds
 * @returns {number} milliseconds
 */
export function backoffDelay(attempt, random, retryAfter = null) {
  if (retryAfter !== null && Number.isFinite(retryAfter) && retryAfter >= 0) return Math.min(Math.max(retryAfter, MIN_DELAY_MS), MAX_RETRY_AFTER_MS);
  // 2^16 is far above the ceiling already; the exponent stops there so that months of attempts cannot overflow it.
  const ceiling = Math.min(MAX_DELAY_MS, FIRST_CEILING_MS * 2 ** Math.min(attempt, 16));
  return Math.max(MIN_DELAY_MS, Math.round(random() * ceiling));
}
