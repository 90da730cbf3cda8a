/** The state of the connection, as the bar, the page's title and the notice show it. */
import { setAttribute, setText, setVisible } from "./dom.js";
import { connectionText, noticeText } from "./format.js";

/** @typedef {import("./types.js").ConnectionState} ConnectionState */

export class ConnectionStatus {
  /**
   * @param {HTMLElement} bar
   * @param {HTMLElement} notice
   * @param {import("./announce.js").Announcer} announcer
   */
  constructor(bar, notice, announcer) {
    this.bar = bar;
    this.label = /** @type {HTMLElement} */ (bar.querySelector(".words"));
    this.notice = notice;
    this.announcer = announcer;
    // The server's title says already what needs a look; the board says it anew.
    this.alarm = bar.dataset?.alarm ?? "";
    this.title = this.alarm ? document.title.replace(`${this.alarm} · `, "") : document.title;
    /** @type {ConnectionState} */
    this.connection = { kind: "connecting" };
    this.wasLost = false;
  }

  /** @param {ConnectionState} connection */
  set(connection) {
    const previous = this.connection.kind;
    this.connection = connection;
    this.render();
    const notice = noticeText(connection);
    setVisible(this.notice, notice !== null);
    // The notice is an alert, and speaks for itself.
    if (notice) this.showNotice(notice);
    else if (connection.kind === "reconnecting" && previous !== "reconnecting") this.announcer.announce("connection", "Connection lost, reconnecting");
    else if (connection.kind === "live" && this.wasLost) this.announcer.announce("connection", "Live again");
    if (connection.kind === "reconnecting") this.wasLost = true;
    if (connection.kind === "live") this.wasLost = false;
    // Nobody is signed in any more; the notice has the way back in.
    for (const who of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".who"))) {
      setVisible(who, connection.kind !== "signed-out" || connection.reason === "second-factor");
    }
  }

  /** Updates the text; called each second, since some of them count. */
  render() {
    const { state, text } = connectionText(this.connection, Date.now(), navigator.onLine);
    setAttribute(this.bar, "data-state", state);
    setText(this.label, text);
    // The title counts no seconds: it is read in a list of tabs, and by ears.
    const titleText = state === "reconnecting" ? "Reconnecting" : text;
    // What needs a look comes first, as long as that is known to be so.
    const alarm = this.alarm && `${this.alarm} · `;
    const title = state === "live" ? alarm + this.title.replace(/( · [^·]*)?$/, (site) => ` · Live${site}`) : `${titleText} · ${this.title}`;
    if (document.title !== title) document.title = title;
  }

  /** Sets what needs a look. @param {string} alarm empty when all is well */
  setAlarm(alarm) {
    this.alarm = alarm;
    this.render();
  }

  /** @param {{ text: string, signIn: boolean, tone: string }} notice */
  showNotice({ text, signIn, tone }) {
    setAttribute(this.notice, "data-tone", tone);
    setText(/** @type {HTMLElement} */ (this.notice.querySelector(".words")), text);
    const link = this.notice.querySelector("a");
    if (!link) return;
    setVisible(link, signIn);
    link.href = signInHref(link.href);
  }
}

/** The address of the sign-in form with the way back to where the viewer is now. @param {string} href @returns {string} */
export function signInHref(href) {
  const signIn = new URL(href, location.href);
  signIn.searchParams.set("next", location.pathname + location.search);
  return signIn.pathname + signIn.search;
}
