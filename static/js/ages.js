/**
 * How old each panel is, and what its head says about it. One timer for the whole page; nothing is touched that has not
 * changed.
 */
import { attribute, show, text } from "./dom.js";
import { Skew } from "./skew.js";
import { ageWords, condition, exactClock, recorded, since, wholeMoment } from "./words.js";

/** @typedef {import("./types.js").Trouble} Trouble */

/** Ages are told in whole seconds at the finest. */
const EVERY_MS = 1000;

/** The viewer's clock may be minutes off; ages are told by the server's. */
const skew = new Skew();

/**
 * Takes a message's time of sending.
 *
 * @param {number} sent
 * @param {number} now
 */
export const learn = (sent, now) => skew.learn(sent, now);

/** Forgets the difference: a laptop that slept may have set its clock. */
export const forget = () => skew.forget();

/** @returns {number} what the server's clock says, as far as is known */
export const serverNow = () => Date.now() + skew.ahead;

export class Age {
  /** @param {HTMLElement} panel */
  constructor(panel) {
    const find = (/** @type {string} */ selector) => /** @type {HTMLElement | null} */ (panel.querySelector(selector));
    this.panel = panel;
    this.caption = find(".caption");
    this.details = /** @type {HTMLElement} */ (find(".age"));
    this.summary = /** @type {HTMLElement} */ (find(".age summary"));
    this.why = /** @type {HTMLElement} */ (find(".why"));
    this.rows = ["last", "since", "retry"].map((name) => /** @type {HTMLElement} */ (find(`.age-${name}`)));
    this.staleAfter = Number(panel.dataset.staleAfter) || 0;
    this.hasView = panel.dataset.condition !== "waiting";
    /** @type {number | undefined} */
    this.at = undefined;
    /** @type {Trouble | undefined} */
    this.trouble = undefined;
  }

  /** Paints what has changed. */
  tell() {
    const now = serverNow();
    const { at, trouble } = this;
    const state = condition({ hasView: this.hasView, at, failing: trouble !== undefined, staleAfter: this.staleAfter }, now);
    attribute(this.panel, "data-condition", state);
    const fresh = state === "fresh";
    if (this.caption) {
      show(this.caption, fresh);
      if (at !== undefined) attribute(this.caption, "title", `Last reading ${exactClock(at)}`);
    }
    show(this.details, trouble !== undefined || state === "late");
    show(this.why, trouble !== undefined);
    if (trouble) {
      text(this.summary, `since ${since(trouble.since, now)}`);
      text(this.why, trouble.reason);
    } else if (state === "late" && at !== undefined) {
      text(this.summary, ageWords(now - at));
    }
    [at, trouble?.since, trouble?.retry_at].forEach((moment, index) => this.tellRow(this.rows[index], moment));
  }

  /** @param {HTMLElement | undefined} row @param {number | undefined} moment */
  tellRow(row, moment) {
    if (!row) return;
    show(row, moment !== undefined);
    const place = row.querySelector("dd");
    if (moment === undefined || !place) return;
    let time = place.querySelector("time");
    if (!time) {
      time = document.createElement("time");
      place.replaceChildren(time);
    }
    paintTime(time, moment, exactClock(moment));
  }
}

/** @param {HTMLTimeElement} time @param {number} at @param {string} words */
function paintTime(time, at, words) {
  const exact = new Date(at).toISOString();
  if (time.dateTime === exact && time.textContent === words) return;
  time.dateTime = exact;
  time.title = wholeMoment(at);
  time.textContent = words;
}

/** Puts the times that the server wrote in UTC into the viewer's zone. @param {ParentNode} root */
export function localise(root) {
  for (const time of /** @type {NodeListOf<HTMLTimeElement>} */ (root.querySelectorAll("time[data-at]"))) {
    const at = Number(time.dataset.at);
    const words = time.dataset.record === undefined ? since(at, Date.now()) : recorded(at);
    paintTime(time, at, words);
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
  }, EVERY_MS);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) work();
  });
}
