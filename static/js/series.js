/** The points of a chart, as columns that grow at one end and are cut at the other. Pure. */

/** @typedef {import("./panels/chart.js").ChartView} ChartView */
/** @typedef {import("./types.js").Append} Append */

/** The most points that a chart keeps, whatever the window: memory must not depend on what a page asks for. */
export const MAX_POINTS = 20_000;

/**
 * @typedef {object} Columns
 * @property {number[]} times seconds since the Unix epoch, as the chart library wants them
 * @property {(number | null)[][]} values one column a line
 * @property {number} window seconds
 */

/**
 * @param {ChartView} view
 * @returns {Columns}
 */
export function toColumns(view) {
  return {
    times: view.times.map((time) => time / 1000),
    values: view.series.map((series) => [...series.values]),
    window: view.window / 1000,
  };
}

/**
 * Adds the new points and drops those that have left the window.
 *
 * @param {Columns} columns changed in place
 * @param {Append} append
 * @returns {boolean} false when the points do not fit these lines; a whole view must come first
 */
export function appendPoints(columns, append) {
  if (append.values.length !== columns.values.length) return false;
  if (append.values.some((values) => values.length !== append.times.length)) return false;
  for (const time of append.times) columns.times.push(time / 1000);
  columns.values.forEach((column, line) => column.push(.../** @type {(number | null)[]} */ (append.values[line])));
  trim(columns);
  return true;
}

/** @param {Columns} columns */
function trim(columns) {
  const last = columns.times.at(-1);
  if (last === undefined) return;
  let expired = Math.max(0, columns.times.length - MAX_POINTS);
  // One point beyond the edge stays, so that the line reaches it.
  while (expired + 1 < columns.times.length && /** @type {number} */ (columns.times[expired + 1]) <= last - columns.window) expired += 1;
  if (expired === 0) return;
  columns.times.splice(0, expired);
  for (const column of columns.values) column.splice(0, expired);
}

/**
 * The range of the time axis, in seconds.
 *
 * @param {Columns} columns
 * @param {number} now seconds, for a chart without points
 * @returns {[number, number]}
 */
export function timeRange(columns, now) {
  const last = columns.times.at(-1) ?? now;
  return [last - columns.window, last];
}
