/** The panels of this page: what each shows, and one paint per animation frame however many batches came. */
import { Age, everySecond, serverNow } from "./ages.js";
import { h } from "./dom.js";
import { mergeInto } from "./merge.js";
import * as area from "./panels/area.js";
import * as bar from "./panels/bar.js";
import * as gauge from "./panels/gauge.js";
import * as line from "./panels/line.js";
import * as states from "./panels/states.js";
import * as stat from "./panels/stat.js";
import * as table from "./panels/table.js";
import * as words from "./panels/text.js";

/** @typedef {import("./types.js").Frame} Frame */
/** @typedef {import("./types.js").Frames} Frames */
/** @typedef {import("./types.js").View} View */

/**
 * @typedef {object} Painter
 * @property {(body: Element, view: any) => void} paint
 * @property {(body: Element, append: import("./types.js").Append) => void} [append]
 * @property {(body: Element) => void} [clear]
 */

/** One module a kind, by the kind's name. @type {Record<string, Painter>} */
const PAINTERS = { area, bar, gauge, line, stat, states, table, text: words };

/**
 * @typedef {object} Panel
 * @property {string} title
 * @property {Element} body
 * @property {Painter} painter
 * @property {Age} age
 * @property {string} judged the state that was last told
 */

export class Board {
  /**
   * @param {HTMLElement} grid
   * @param {import("./announce.js").Announcer} announcer
   */
  constructor(grid, announcer) {
    this.grid = grid;
    this.announcer = announcer;
    /** @type {Map<string, Panel>} */
    this.panels = new Map();
    for (const element of /** @type {NodeListOf<HTMLElement>} */ (grid.querySelectorAll(".panel"))) {
      const painter = PAINTERS[element.dataset.kind ?? ""];
      const body = element.querySelector(".body");
      if (!painter || !body) continue;
      const title = element.querySelector("h2")?.textContent ?? "";
      this.panels.set(element.id.replace(/^panel-/, ""), { title, body, painter, age: new Age(element), judged: "" });
    }
    /** What came since the last paint. @type {Map<string, Frame>} */
    this.waiting = new Map();
    this.asked = false;
    /** Panels whose fault has been told: a console that fills for months is of no use. @type {Set<string>} */
    this.faulty = new Set();
    everySecond(() => this.tellAges());
  }

  /** What the server painted: only charts have more to show than is there. @param {Frames} frames */
  begin(frames) {
    for (const [id, frame] of Object.entries(frames)) {
      const panel = this.panels.get(id);
      if (!panel) continue;
      panel.age.at = frame.at;
      panel.age.trouble = frame.trouble;
      panel.judged = judgement(frame);
      const { view } = frame;
      if (view && panel.painter.append) this.guard(id, panel, () => panel.painter.paint(panel.body, view));
    }
    this.tellAges();
  }

  /** Everything anew. What waited is older, and falls away. @param {Frames} frames */
  replace(frames) {
    this.waiting.clear();
    for (const [id, frame] of Object.entries(frames)) {
      const panel = this.panels.get(id);
      if (panel && !frame.view) this.guard(id, panel, () => showWaiting(panel));
      this.waiting.set(id, frame);
    }
    this.askForPaint();
    this.grid.removeAttribute("aria-busy");
  }

  /** @param {Frames} frames */
  add(frames) {
    mergeInto(this.waiting, frames);
    this.askForPaint();
  }

  askForPaint() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      const waiting = this.waiting;
      this.waiting = new Map();
      for (const [id, frame] of waiting) {
        const panel = this.panels.get(id);
        if (panel) this.guard(id, panel, () => this.paint(id, panel, frame));
      }
    });
  }

  /** @param {string} id @param {Panel} panel @param {Frame} frame */
  paint(id, panel, frame) {
    const { age, body, painter } = panel;
    if (frame.view) {
      painter.paint(body, frame.view);
      age.hasView = true;
    }
    if (frame.append) painter.append?.(body, frame.append);
    if (frame.at !== undefined) age.at = frame.at;
    age.trouble = frame.trouble;
    age.tell();
    this.announce(id, panel, frame);
  }

  /**
   * A panel's fault stays in that panel: it keeps what it shows, says that this is not the newest, and the others go on.
   *
   * @param {string} id
   * @param {Panel} panel
   * @param {() => void} work
   */
  guard(id, panel, work) {
    try {
      work();
    } catch (fault) {
      panel.age.trouble = unpainted(panel.age.trouble);
      if (this.faulty.has(id)) return;
      this.faulty.add(id);
      console.error(`The panel "${panel.title}" (${id}) could not be painted; further faults of it are not told.`, fault);
    }
  }

  /** Says what has changed for the worse, or back. @param {string} id @param {Panel} panel @param {Frame} frame */
  announce(id, panel, frame) {
    const judged = frame.view || frame.trouble ? judgement(frame) : panel.judged === "failing" ? "" : panel.judged;
    if (judged === panel.judged) return;
    const before = panel.judged;
    panel.judged = judged;
    const { title } = panel;
    if (judged === "failing") this.announcer.say(id, `${title}: ${frame.trouble?.reason ?? "no newer reading"}`);
    else if (judged !== "") this.announcer.say(id, `${title} is ${judged}`);
    else if (before !== "") this.announcer.say(id, `${title} is well again`);
  }

  tellAges() {
    for (const { age } of this.panels.values()) age.tell();
  }

  /** Another channel has been asked for; what stands here is not its answer. */
  expect() {
    this.grid.setAttribute("aria-busy", "true");
  }
}

/** What is worth saying of a frame: nothing when all is well. @param {Frame} frame @returns {string} */
function judgement(frame) {
  if (frame.trouble) return "failing";
  const mark = frame.view && "mark" in frame.view ? frame.view.mark : undefined;
  return mark && (mark.state === "warn" || mark.state === "bad") ? mark.word : "";
}

/** @param {import("./types.js").Trouble | undefined} before @returns {import("./types.js").Trouble} */
function unpainted(before) {
  const reason = "The newest reading could not be drawn here. If loading the page again does not help, the browser's console says why.";
  return { reason, since: before?.since ?? serverNow() };
}

/** There is no reading of this channel: an older one's must not stand in. @param {Panel} panel */
function showWaiting(panel) {
  panel.painter.clear?.(panel.body);
  panel.body.replaceChildren(h("p", "waiting", "No reading yet."));
  panel.age.hasView = false;
  panel.age.at = undefined;
}
