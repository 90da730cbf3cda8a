/** What the bar, the page's title and the notice say about the connection. */
import { attribute, show, text } from "./dom.js";
import { connectionWords, noticeWords } from "./words.js";

/** @typedef {import("./types.js").Connection} Connection */

export class Status {
  /**
   * @param {HTMLElement} bar
   * @param {HTMLElement} notice
   * @param {import("./announce.js").Announcer} announcer
   */
  constructor(bar, notice, announcer) {
    this.bar = bar;
    this.words = /** @type {HTMLElement} */ (bar.querySelector(".words"));
    this.notice = notice;
    this.announcer = announcer;
    this.title = document.title;
    /** @type {Connection} */
    this.connection = { kind: "connecting" };
    this.wasLost = false;
  }

  /** @param {Connection} connection */
  set(connection) {
    const before = this.connection.kind;
    this.connection = connection;
    this.tell();
    const notice = noticeWords(connection);
    show(this.notice, notice !== null);
    // The notice is an alert, and speaks for itself.
    if (notice) this.showNotice(notice);
    else if (connection.kind === "reconnecting" && before !== "reconnecting") this.announcer.say("connection", "Connection lost, reconnecting");
    else if (connection.kind === "live" && this.wasLost) this.announcer.say("connection", "Live again");
    if (connection.kind === "reconnecting") this.wasLost = true;
    if (connection.kind === "live") this.wasLost = false;
  }

  /** Paints the words; called each second, since some of them count. */
  tell() {
    const { state, words } = connectionWords(this.connection, Date.now(), navigator.onLine);
    attribute(this.bar, "data-state", state);
    text(this.words, words);
    // The title counts no seconds: it is read in a list of tabs, and by ears.
    const told = state === "reconnecting" ? "Reconnecting" : words;
    const title = state === "live" ? this.title.replace(/( · [^·]*)?$/, (site) => ` · Live${site}`) : `${told} · ${this.title}`;
    if (document.title !== title) document.title = title;
  }

  /** @param {{ words: string, signIn: boolean, tone: string }} notice */
  showNotice({ words, signIn, tone }) {
    attribute(this.notice, "data-tone", tone);
    text(/** @type {HTMLElement} */ (this.notice.querySelector(".words")), words);
    const link = this.notice.querySelector("a");
    if (!link) return;
    show(link, signIn);
    link.href = signInHref(link.href);
  }
}

/** The door's address with the way back to where the viewer is now. @param {string} href @returns {string} */
export function signInHref(href) {
  const door = new URL(href, location.href);
  door.searchParams.set("next", location.pathname + location.search);
  return door.pathname + door.search;
}
