/** Batches that arrive between two paints become one. Pure. */

/** @typedef {import("./types.js").Frame} Frame */
/** @typedef {import("./types.js").Frames} Frames */
/** @typedef {import("./types.js").Append} Append */

/** A panel's waiting points are cut to this, oldest first: more than any screen is wide. */
export const MOST_POINTS = 4096;

/**
 * Two runs of new points as one.
 *
 * @param {Append} first
 * @param {Append} second
 * @returns {Append}
 */
export function joinAppends(first, second) {
  const from = Math.max(0, first.times.length + second.times.length - MOST_POINTS);
  const axis = second.axis ?? first.axis;
  return {
    times: [...first.times, ...second.times].slice(from),
    values: second.values.map((values, line) => [...(first.values[line] ?? []), ...values].slice(from)),
    latest: second.latest,
    ...(axis ? { axis } : {}),
  };
}

/**
 * What a panel shows after both frames, in one frame: the later view and everything else of the later frame wins, and
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
 * @param {Map<string, Frame>} waiting changed in place
 * @param {Frames} panels
 */
export function mergeInto(waiting, panels) {
  for (const [id, frame] of Object.entries(panels)) waiting.set(id, mergeFrame(waiting.get(id), frame));
}
