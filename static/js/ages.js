/**
 * The age of each panel's reading, shown in the panel's head. One timer for the whole page; nothing is touched that has
 * not changed.
 */
import { ClockSkew } from "./clock_skew.js";
import { setAttribute, setText, setVisible } from "./dom.js";
import { formatAge, formatDateTime, formatExpiry, formatRecordTime, formatSeconds, formatShortest, panelCondition } from "./format.js";

/** @typedef {import("./types.js").Trouble} Trouble */

/** How often ages are updated: they count whole seconds at the finest. */
const TICK_MS = 1000;

/** The viewer's clock may be minutes off; ages are counted by the server's. */
const clockSkew = new ClockSkew();

/**
 * Adds a message's time of sending to the estimate of the clock skew.
 *
 * @param {number} sent
 * @param {number} now
 */
export const updateClockSkew = (sent, now) => clockSkew.addSample(sent, now);

/** Resets the estimate of the clock skew: a laptop that slept may have set its clock. */
export const resetClockSkew = () => clockSkew.reset();

/** @returns {number} the time by the server's clock, as far as it is known */
export const serverNow = () => Date.now() + clockSkew.offset;

export class PanelAge {
  /** @param {HTMLElement} panel */
  constructor(panel) {
    const find = (/** @type {string} */ selector) => /** @type {HTMLElement | null} */ (panel.querySelector(selector));
    this.panel = panel;
    this.caption = find(".caption");
    this.details = /** @type {HTMLElement} */ (find(".age"));
    this.summary = /** @type {HTMLElement} */ (find(".age summary"));
    this.reason = /** @type {HTMLElement} */ (find(".why"));
    this.rows = ["last", "since", "retry"].map((name) => /** @type {HTMLElement} */ (find(`.age-${name}`)));
    this.staleAfter = Number(panel.dataset.staleAfter) || 0;
    this.hasView = panel.dataset.condition !== "waiting";
    /** @type {number | undefined} */
    this.at = undefined;
    /** @type {Trouble | undefined} */
    this.trouble = undefined;
  }

  /** @param {number} now */
  condition(now) {
    const { hasView, at, trouble, staleAfter } = this;
    return panelCondition({ hasView, at, failing: trouble !== undefined, staleAfter }, now);
  }

  /** Whether its reading is older than it may be. */
  isLate() {
    return this.condition(serverNow()) === "late";
  }

  /** Updates the elements that have changed. */
  render() {
    const now = serverNow();
    const { at, trouble } = this;
    const condition = this.condition(now);
    setAttribute(this.panel, "data-condition", condition);
    const fresh = condition === "fresh";
    if (this.caption) {
      setVisible(this.caption, fresh);
      if (at !== undefined) setAttribute(this.caption, "title", `Last reading ${formatSeconds(at)}`);
    }
    setVisible(this.details, trouble !== undefined || condition === "late");
    setVisible(this.reason, trouble !== undefined);
    if (trouble) {
      setText(this.summary, `since ${formatShortest(trouble.since, now)}`);
      setText(this.reason, trouble.reason);
    } else if (condition === "late" && at !== undefined) {
      setText(this.summary, formatAge(now - at));
    }
    [at, trouble?.since, trouble?.retry_at].forEach((moment, index) => this.renderRow(this.rows[index], moment));
  }

  /** @param {HTMLElement | undefined} row @param {number | undefined} moment */
  renderRow(row, moment) {
    if (!row) return;
    setVisible(row, moment !== undefined);
    const cell = row.querySelector("dd");
    if (moment === undefined || !cell) return;
    let time = cell.querySelector("time");
    if (!time) {
      time = document.createElement("time");
      cell.replaceChildren(time);
    }
    renderTime(time, moment, formatSeconds(moment));
  }
}

/** @param {HTMLTimeElement} time @param {number} at @param {string} label */
function renderTime(time, at, label) {
  const exact = new Date(at).toISOString();
  if (time.dateTime === exact && time.textContent === label) return;
  time.dateTime = exact;
  time.title = formatDateTime(at);
  time.textContent = label;
}

/** @param {HTMLTimeElement} time @param {number} at @returns {string} */
function labelOf(time, at) {
  if (time.dataset.record !== undefined) return formatRecordTime(at);
  return time.dataset.expiry === undefined ? formatShortest(at, Date.now()) : formatExpiry(at);
}

/** Puts the times that the server wrote in UTC into the viewer's zone. @param {ParentNode} root */
export function localiseTimes(root) {
  for (const time of /** @type {NodeListOf<HTMLTimeElement>} */ (root.querySelectorAll("time[data-at]"))) {
    const at = Number(time.dataset.at);
    renderTime(time, at, labelOf(time, at));
  }
}

/**
 * Calls `work` once a second, while somebody can see the page and once when they come back.
 *
 * @param {() => void} work
 */
export function everySecond(work) {
  setInterval(() => {
    if (!document.hidden) work();
  }, TICK_MS);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) work();
  });
}
