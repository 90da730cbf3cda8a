/** Merges the batches that arrive between two paints. Pure. */

/** @typedef {import("./types.js").Frame} Frame */
/** @typedef {import("./types.js").Frames} Frames */
/** @typedef {import("./types.js").Append} Append */

/** The most points that wait for a panel, the oldest are cut first: more than any screen is wide. */
export const MAX_POINTS = 4096;

/**
 * Joins two runs of new points.
 *
 * @param {Append} first
 * @param {Append} second
 * @returns {Append}
 */
export function joinAppends(first, second) {
  const from = Math.max(0, first.times.length + second.times.length - MAX_POINTS);
  const axis = second.axis ?? first.axis;
  return {
    times: [...first.times, ...second.times].slice(from),
    values: second.values.map((values, line) => [...(first.values[line] ?? []), ...values].slice(from)),
    latest: second.latest,
    ...(second.states ? { states: second.states } : {}),
    ...(second.mark ? { mark: second.mark } : {}),
    ...(axis ? { axis } : {}),
  };
}

/**
 * Merges two frames of a panel into one: the later view and everything else of the later frame wins, and
 * new points are added to those before them. Points before a view are part of it and fall away.
 *
 * @param {Frame | undefined} first
 * @param {Frame} second
 * @returns {Frame}
 */
export function mergeFrame(first, second) {
  if (!first || second.view) return second;
  const merged = { ...second };
  if (second.at === undefined && first.at !== undefined) merged.at = first.at;
  if (first.view) merged.view = first.view;
  if (first.append && second.append) merged.append = joinAppends(first.append, second.append);
  else if (first.append) merged.append = first.append;
  return merged;
}

/**
 * Adds a batch to what waits to be painted.
 *
 * @param {Map<string, Frame>} pending changed in place
 * @param {Frames} panels
 */
export function mergeInto(pending, panels) {
  for (const [id, frame] of Object.entries(panels)) pending.set(id, mergeFrame(pending.get(id), frame));
}
