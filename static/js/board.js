/** The panels of this page, painted once per animation frame however many batches came. */
import { everySecond, PanelAge, serverNow } from "./ages.js";
import { h, paintMark, setAttribute } from "./dom.js";
import { mergeInto } from "./merge.js";

/** @typedef {import("./types.js").Frame} Frame */
/** @typedef {import("./types.js").Frames} Frames */
/** @typedef {import("./types.js").View} View */

/**
 * @typedef {object} Painter
 * @property {(body: Element, view: any) => void} paint
 * @property {(body: Element, append: import("./types.js").Append) => void} [append]
 * @property {(body: Element) => void} [clear]
 * @property {boolean} [isMissing] whether its script could not be loaded
 */

/**
 * @typedef {object} Panel
 * @property {string} title
 * @property {Element} body
 * @property {Painter} painter
 * @property {PanelAge} age
 * @property {boolean} [isBehind] whether it could not be painted, and shows what was there before
 * @property {HTMLElement} [element] the whole panel
 * @property {import("./types.js").Mark} [mark] its mark, while something in it needs a look
 * @property {string} announced the state that was announced last
 */

/**
 * Imports the script of each kind of panel that the page has. Where one does not come, its panels stay as the server painted
 * them until there is something newer, and then say that it could not be drawn.
 *
 * @param {HTMLElement} grid
 * @returns {Promise<Map<string, Painter>>}
 */
export async function importPainters(grid) {
  const kinds = new Set(Array.from(panelElements(grid), (element) => element.dataset.kind ?? ""));
  /** @type {Map<string, Painter>} */
  const painters = new Map();
  const importPainter = async (/** @type {string} */ kind) => {
    try {
      painters.set(kind, await import(`./panels/${kind}.js`));
    } catch (error) {
      painters.set(kind, missingPainter(error));
      console.error(`The script of ${kind} panels could not be loaded; they stand still until the page is loaded again.`, error);
    }
  };
  await Promise.all([...kinds].map(importPainter));
  return painters;
}

/** The painter of a kind whose script could not be loaded. @param {unknown} error @returns {Painter} */
export const missingPainter = (error) => ({
  isMissing: true,
  paint() {
    throw error;
  },
});

/** @param {HTMLElement} grid @returns {NodeListOf<HTMLElement>} */
const panelElements = (grid) => grid.querySelectorAll(".panel");

export class Board {
  /**
   * @param {HTMLElement} grid
   * @param {import("./announce.js").Announcer} announcer
   * @param {Map<string, Painter>} painters
   * @param {(marked: { title: string, mark: import("./types.js").Mark }[]) => void} [onMarks] told which panels need a look,
   *   whenever that changes
   */
  constructor(grid, announcer, painters, onMarks = () => {}) {
    this.grid = grid;
    this.onMarks = onMarks;
    this.announcer = announcer;
    /** @type {Map<string, Panel>} */
    this.panels = new Map();
    for (const element of panelElements(grid)) {
      const painter = painters.get(element.dataset.kind ?? "");
      const body = element.querySelector(".body");
      if (!painter || !body) continue;
      const title = element.querySelector("h2")?.textContent ?? "";
      this.panels.set(element.id.replace(/^panel-/, ""), { title, body, painter, element, age: new PanelAge(element), announced: "" });
    }
    /** The frames that came since the last paint. @type {Map<string, Frame>} */
    this.pending = new Map();
    this.paintRequested = false;
    /** The marks that were told last. */
    this.told = "";
    /** Panels whose fault has been logged: a console that fills for months is of no use. @type {Set<string>} */
    this.reported = new Set();
    everySecond(() => this.renderAges());
  }

  /** Takes over the first paint of the server: only charts have more to show than is there. @param {Frames} frames */
  hydrate(frames) {
    for (const [id, frame] of Object.entries(frames)) {
      const panel = this.panels.get(id);
      if (!panel) continue;
      panel.age.at = frame.at;
      panel.age.trouble = frame.trouble;
      this.setMark(panel, frame.view?.mark);
      panel.announced = notableState(panel);
      const { view } = frame;
      if (view && panel.painter.append) this.guard(id, panel, () => panel.painter.paint(panel.body, view));
    }
    this.renderAges();
    this.tellMarks();
  }

  /** Replaces what every panel shows. What waited is older, and falls away. @param {Frames} frames */
  applySnapshot(frames) {
    this.pending.clear();
    for (const [id, frame] of Object.entries(frames)) {
      const panel = this.panels.get(id);
      // What the server painted may be another channel's, and nothing can replace it.
      if (panel && (!frame.view || panel.painter.isMissing)) this.guard(id, panel, () => this.showNoReading(panel));
      this.pending.set(id, frame);
    }
    this.requestPaint();
    this.grid.removeAttribute("aria-busy");
  }

  /** @param {Frames} frames */
  applyBatch(frames) {
    mergeInto(this.pending, frames);
    this.requestPaint();
  }

  requestPaint() {
    if (this.paintRequested) return;
    this.paintRequested = true;
    requestAnimationFrame(() => {
      this.paintRequested = false;
      const pending = this.pending;
      this.pending = new Map();
      for (const [id, frame] of pending) {
        const panel = this.panels.get(id);
        if (panel) this.guard(id, panel, () => this.paint(id, panel, frame));
      }
      this.tellMarks();
    });
  }

  /** @param {string} id @param {Panel} panel @param {Frame} frame */
  paint(id, panel, frame) {
    const { age, body, painter } = panel;
    if (frame.view) {
      painter.paint(body, frame.view);
      age.hasView = true;
    }
    if (frame.append) {
      if (painter.append) painter.append(body, frame.append);
      else painter.paint(body, frame.append);
    }
    if (frame.view || frame.append) panel.isBehind = false;
    if (frame.at !== undefined && !panel.isBehind) age.at = frame.at;
    age.trouble = panel.isBehind ? paintTrouble(frame.trouble ?? age.trouble) : frame.trouble;
    age.render();
    // What came last tells: points that came after a view are newer than it.
    const told = frame.append ?? frame.view;
    if (told) this.setMark(panel, told.mark);
    this.announce(id, panel);
  }

  /** @param {Panel} panel @param {import("./types.js").Mark | undefined} mark */
  setMark(panel, mark) {
    if (isNotable(mark)) panel.mark = mark;
    else delete panel.mark;
    if (!panel.element) return;
    setAttribute(panel.element, "data-state", panel.mark?.state ?? "");
    const node = /** @type {HTMLElement | null} */ (panel.element.querySelector(".panel-head > .mark"));
    if (node) paintMark(node, panel.mark);
  }

  tellMarks() {
    const marked = [...this.panels.values()].flatMap(({ title, mark }) => (mark ? [{ title, mark }] : []));
    const key = marked.map(({ title, mark }) => `${title} ${mark.word}`).join();
    if (key === this.told) return;
    this.told = key;
    this.onMarks(marked);
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
    } catch (error) {
      panel.isBehind = true;
      panel.age.trouble = paintTrouble(panel.age.trouble);
      if (this.reported.has(id)) return;
      this.reported.add(id);
      console.error(`The panel "${panel.title}" (${id}) could not be painted; further faults of it are not told.`, error);
    }
  }

  /** Announces what has changed for the worse, or back. @param {string} id @param {Panel} panel */
  announce(id, panel) {
    const state = notableState(panel);
    if (state === panel.announced) return;
    const previous = panel.announced;
    panel.announced = state;
    const { title } = panel;
    if (state === FAILING) this.announcer.announce(id, `${title}: ${panel.age.trouble?.reason ?? "no newer reading"}`);
    else if (state !== "") this.announcer.announce(id, `${title}: ${state}`);
    else if (previous !== "") this.announcer.announce(id, `${title} is well again`);
  }

  /** @returns {number | null} the least age at which a panel is late, of those that are */
  limitOfLatePanel() {
    const late = Array.from(this.panels.values(), ({ age }) => age).filter((age) => age.isLate());
    return late.length > 0 ? Math.min(...late.map((age) => age.staleAfter)) : null;
  }

  /** Clears a panel that has no reading in this channel: an older one's must not stand in. @param {Panel} panel */
  showNoReading(panel) {
    panel.painter.clear?.(panel.body);
    panel.body.replaceChildren(h("p", "waiting", "No reading yet."));
    panel.age.hasView = false;
    panel.age.at = undefined;
    this.setMark(panel, undefined);
  }

  renderAges() {
    for (const { age } of this.panels.values()) age.render();
  }

  /** Marks the board as busy: another channel has been asked for, and what stands here is not its answer. */
  markBusy() {
    this.grid.setAttribute("aria-busy", "true");
  }
}

/** The state of a panel whose source fails. */
const FAILING = "failing";

/** The state of a panel that is worth announcing: none when all is well. @param {Panel} panel @returns {string} */
const notableState = (panel) => (panel.age.trouble ? FAILING : (panel.mark?.word ?? ""));

/** @param {import("./types.js").Mark | undefined} mark @returns {mark is import("./types.js").Mark} */
const isNotable = (mark) => mark?.state === "warn" || mark?.state === "bad";

/**
 * What needs a look, for the page's title, as the server says it: `✕ CPU: critical`, or `▲ 3 problems`.
 *
 * @param {{ title: string, mark: import("./types.js").Mark }[]} marked
 * @returns {string} empty when all is well
 */
export function alarmText(marked) {
  const [first] = marked;
  if (!first) return "";
  const symbol = marked.some(({ mark }) => mark.state === "bad") ? "✕" : "▲";
  return marked.length === 1 ? `${symbol} ${first.title}: ${first.mark.word}` : `${symbol} ${marked.length} problems`;
}

/** @param {import("./types.js").Trouble | undefined} before @returns {import("./types.js").Trouble} */
function paintTrouble(before) {
  const reason = "The newest reading could not be drawn here. If loading the page again does not help, the browser's console says why.";
  return { reason, since: before?.since ?? serverNow() };
}
