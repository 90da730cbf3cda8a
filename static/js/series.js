/** The points of a chart, as columns that grow at one end and are cut at the other. Pure. */

/** @typedef {import("./types.js").ChartView} ChartView */
/** @typedef {import("./types.js").Append} Append */

/** No chart keeps more points, whatever the window: memory must not depend on what a page asks for. */
export const MOST_POINTS = 20_000;

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
export function columnsOf(view) {
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
export function grow(columns, append) {
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
  let gone = Math.max(0, columns.times.length - MOST_POINTS);
  // One point beyond the edge stays, so that the line reaches it.
  while (gone + 1 < columns.times.length && /** @type {number} */ (columns.times[gone + 1]) <= last - columns.window) gone += 1;
  if (gone === 0) return;
  columns.times.splice(0, gone);
  for (const column of columns.values) column.splice(0, gone);
}

/**
 * What the time axis spans.
 *
 * @param {Columns} columns
 * @param {number} now seconds, for a chart without points
 * @returns {[number, number]}
 */
export function span(columns, now) {
  const last = columns.times.at(-1) ?? now;
  return [last - columns.window, last];
}
