/** Where the script of a page of panels begins: joins the board, the connection, the inputs and the words about them. */
import "./chrome.js";
import { everySecond, forget, learn } from "./ages.js";
import { Announcer } from "./announce.js";
import { Board } from "./board.js";
import { watchInputs } from "./inputs.js";
import { Live } from "./live.js";
import { browser } from "./outside.js";
import { load, recolour } from "./panels/chart.js";
import { Status } from "./status.js";
import { THEME_CHANGED } from "./theme.js";

startPage(element("board"));

/** @param {HTMLElement} grid */
function startPage(grid) {
  const announcer = new Announcer(element("announcer"));
  const status = new Status(element("connection"), element("notice"), announcer);
  const board = new Board(grid, announcer);
  const first = JSON.parse(element("live-data").textContent ?? "{}");
  board.begin(first.panels ?? {});
  loadCharts(grid);
  document.addEventListener(THEME_CHANGED, recolour);

  const start = {
    live: grid.dataset.liveUrl ?? "",
    events: grid.dataset.eventsUrl ?? "",
    epoch: first.epoch ?? null,
    seq: first.seq ?? null,
    revision: first.revision ?? null,
  };
  const live = new Live(
    start,
    {
      state(connection) {
        if (connection.kind === "live") forget();
        status.set(connection);
      },
      snapshot: (panels) => board.replace(panels),
      batch(panels, sent) {
        learn(sent, Date.now());
        board.add(panels);
      },
    },
    browser(),
  );
  const form = document.getElementById("inputs");
  if (form instanceof HTMLFormElement) {
    watchInputs(form, (values) => {
      const moved = live.choose(values);
      if (moved) board.expect();
      return moved;
    });
  }
  live.connect();
  followTheTab(live);
  everySecond(() => {
    live.check();
    status.tell();
  });
}

/** A tab that nobody sees paints nothing, and catches up when it is seen. @param {Live} live */
function followTheTab(live) {
  const follow = () => (document.hidden ? live.pause() : live.resume());
  document.addEventListener("visibilitychange", follow);
  follow();
  addEventListener("online", () => live.hurry());
  // Frozen, to save power, or kept for the Back button: nothing of the page runs, and its socket would fill up.
  document.addEventListener("freeze", () => live.rest());
  document.addEventListener("resume", () => live.wake());
  addEventListener("pagehide", () => live.rest());
  addEventListener("pageshow", (event) => event.persisted && live.wake());
}

/** @param {HTMLElement} grid */
function loadCharts(grid) {
  if (!grid.querySelector('[data-kind="line"], [data-kind="area"]')) return;
  load(grid.dataset.uplot ?? "").catch((fault) => {
    // The server's still pictures stay; they are true, but they do not move.
    console.error("The chart library could not be loaded; charts stand still until the page is loaded again.", fault);
  });
}

/** @param {string} id @returns {HTMLElement} */
function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element #${id}; its template and its script do not belong together.`);
  return found;
}
