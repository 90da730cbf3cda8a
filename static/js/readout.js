/** Values read off a chart, written as the server writes numbers, each in the unit of its own size. Pure. */

/**
 * @typedef {"general" | "significant" | "percent" | { fixed: number }} Precision
 * @typedef {{ from: number, unit: string, precision?: Precision }} ReadoutUnit without a precision, a value is written in this
 *   unit and the next smaller one
 */

const MAX_DECIMALS = 9;
const SCIENTIFIC_FROM = 1e15;
const SCIENTIFIC_BELOW = 1e-6;
const HOUR = 3600;
const DAY = 86_400;

/**
 * @param {readonly ReadoutUnit[]} units smallest first
 * @param {number} value
 * @param {(unit: ReadoutUnit) => number} [fewest] the fewest decimals in a unit, so that values near to each other differ
 * @returns {import("./types.js").Figure}
 */
export function readout(units, value, fewest = () => 0) {
  const size = value === 0 ? 1 : Math.abs(value);
  let at = Math.max(0, units.filter(({ from }) => from <= size).length - 1);
  for (;;) {
    const unit = /** @type {ReadoutUnit} */ (units[at]);
    const { from, precision } = unit;
    const next = units[at + 1];
    const scaled = value / from;
    const [rounded, decimals] = precision === undefined ? [Math.round(scaled), 0] : roundBy(precision, scaled);
    // 1023.99 KiB would be read as 1024 KiB: it is 1.00 MiB.
    if (next && precision !== undefined && Math.abs(rounded * from) >= next.from * (1 - Number.EPSILON)) at += 1;
    else if (precision === undefined) return { text: duration(value), unit: "" };
    else if (value !== 0 && Math.abs(scaled) < SCIENTIFIC_BELOW && typeof precision === "string") return { text: scientific(scaled), unit: unit.unit };
    else return { text: fixed(scaled, value === 0 ? decimals : Math.max(decimals, fewest(unit))), unit: unit.unit };
  }
}

/** @param {Precision} precision @param {number} value @returns {[number, number]} the number rounded, and its decimals */
function roundBy(precision, value) {
  const decimals = decimalsOf(precision, value);
  const rounded = round(value, decimals);
  const again = precision === "general" && decimals > 0 ? significant(Math.abs(rounded)) : decimalsOf(precision, rounded);
  return [rounded, Math.min(again, decimals)];
}

/** @param {Precision} precision @param {number} value @returns {number} */
function decimalsOf(precision, value) {
  const size = Math.abs(value);
  if (typeof precision === "object") return precision.fixed;
  if (precision === "general" && Math.abs(value - Math.round(value)) <= 1e-9 * Math.max(1, size)) return 0;
  if (precision !== "percent" || (size > 0 && size < 0.005)) return significant(size);
  return size === 0 || size >= 100 ? 0 : size < 1 ? 2 : 1;
}

/** @param {number} size @returns {number} the decimals for three significant digits; two are enough below one */
function significant(size) {
  if (size === 0 || size >= 100) return 0;
  if (size >= 1) return size >= 10 ? 1 : 2;
  return Math.min(MAX_DECIMALS, Math.max(1, -Math.floor(Math.log10(size))) + 1);
}

/** Rounds half away from zero, as people do. @param {number} value @param {number} decimals @returns {number} */
function round(value, decimals) {
  if (Math.abs(value) >= SCIENTIFIC_FROM) return value;
  const power = 10 ** decimals;
  // A nudge by a double's own error: 1.005 is stored a little below what was meant.
  return (Math.sign(value) * Math.round(Math.abs(value) * power * (1 + 2 * Number.EPSILON))) / power;
}

/** @param {number} value @param {number} decimals @returns {string} */
function fixed(value, decimals) {
  if (Math.abs(value) >= SCIENTIFIC_FROM) return scientific(value);
  const rounded = round(value, decimals);
  const [whole = "", part] = Math.abs(rounded).toFixed(decimals).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return `${rounded < 0 ? "−" : ""}${grouped}${part ? `.${part}` : ""}`;
}

/** @param {number} value @returns {string} `1.00 × 10³⁰⁰` */
function scientific(value) {
  const [digits, power = ""] = Math.abs(value).toExponential(2).split("e");
  const raised = [...power.replace("+", "")].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)] ?? "⁻").join("");
  return `${value < 0 ? "−" : ""}${digits} × 10${raised}`;
}

/** @param {number} seconds a minute or more @returns {string} `3 min 20 s`, `5 d 3 h` */
function duration(seconds) {
  const size = Math.abs(seconds);
  const minus = seconds < 0 ? "−" : "";
  if (size >= 100 * DAY) return `${fixed(Math.round(seconds / DAY), 0)} d`;
  /** @type {[number, number, string, string]} */
  const [large, small, name, smallName] =
    Math.round(size) < HOUR ? [60, 1, "min", "s"] : Math.round(size / 60) * 60 < DAY ? [HOUR, 60, "h", "min"] : [DAY, HOUR, "d", "h"];
  const parts = Math.round(size / small);
  const rest = parts % (large / small);
  return `${minus}${Math.floor((parts * small) / large)} ${name}${rest === 0 ? "" : ` ${rest} ${smallName}`}`;
}
