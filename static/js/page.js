/** Entry point of a page of panels: joins the board, the connection, the inputs and the status. */
import "./layout.js";
import { everySecond, resetClockSkew, updateClockSkew } from "./ages.js";
import { Announcer } from "./announce.js";
import { alarmText, Board, importPainters } from "./board.js";
import { browserEnvironment } from "./environment.js";
import { watchInputs } from "./inputs.js";
import { LiveConnection } from "./live.js";
import { watchSignIn } from "./signed_in.js";
import { ConnectionStatus } from "./status.js";

const board = requireElement("board");
startPage(board, await importPainters(board));

/** @param {HTMLElement} grid @param {Map<string, import("./board.js").Painter>} painters */
function startPage(grid, painters) {
  const announcer = new Announcer(requireElement("announcer"));
  const status = new ConnectionStatus(requireElement("connection"), requireElement("notice"), announcer);
  const board = new Board(grid, announcer, painters, (marked) => status.setAlarm(alarmText(marked)));
  const first = JSON.parse(requireElement("live-data").textContent ?? "{}");
  board.hydrate(first.panels ?? {});

  const start = {
    live: grid.dataset.liveUrl ?? "",
    events: grid.dataset.eventsUrl ?? "",
    epoch: first.epoch ?? null,
    seq: first.seq ?? null,
    revision: first.revision ?? null,
  };
  const live = new LiveConnection(
    start,
    {
      onState(connection) {
        if (connection.kind === "live") resetClockSkew();
        status.set(connection);
      },
      onSnapshot: (panels) => board.applySnapshot(panels),
      onBatch(panels, sent) {
        updateClockSkew(sent, Date.now());
        board.applyBatch(panels);
      },
    },
    browserEnvironment(),
  );
  const form = document.getElementById("inputs");
  if (form instanceof HTMLFormElement) {
    watchInputs(form, (values) => {
      const moved = live.setInputs(values);
      if (moved) board.markBusy();
      return moved;
    });
  }
  live.connect();
  followVisibility(live);
  watchSignIn(() => live.checkReturn());
  everySecond(() => {
    live.checkSilence();
    const limit = board.limitOfLatePanel();
    if (limit !== null) live.doubt(limit);
    status.render();
  });
}

/** Pauses the connection while nobody sees the tab; it catches up when it is seen. @param {LiveConnection} live */
function followVisibility(live) {
  const follow = () => (document.hidden ? live.pause() : live.resume());
  document.addEventListener("visibilitychange", follow);
  follow();
  addEventListener("online", () => live.retryNow());
  // Frozen, to save power, or kept for the Back button: nothing of the page runs, and its socket would fill up.
  document.addEventListener("freeze", () => live.suspend());
  document.addEventListener("resume", () => live.wake());
  addEventListener("pagehide", () => live.suspend());
  addEventListener("pageshow", (event) => event.persisted && live.wake());
}

/** @param {string} id @returns {HTMLElement} */
function requireElement(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element #${id}; its template and its script do not belong together.`);
  return found;
}
