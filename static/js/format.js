/** Formats ages, states and times as text. Pure, except that times are in the viewer's zone and language. */

/** @typedef {import("./types.js").ConnectionState} ConnectionState */

/** How long a connection may be lost before that is called offline. */
export const OFFLINE_AFTER_MS = 30_000;

/** The shortest wait worth a notice: a server that asks for less is back before anybody has read why. */
export const MIN_NOTICE_WAIT_MS = 3_000;

// Twenty-four hours everywhere: axes and heads have no room for a second word beside the time.
const HOURS = /** @type {const} */ ({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const timeFormat = new Intl.DateTimeFormat(undefined, HOURS);
const secondsFormat = new Intl.DateTimeFormat(undefined, { ...HOURS, second: "2-digit" });
const dateTimeFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const recordFormat = new Intl.DateTimeFormat(undefined, {
  ...HOURS,
  second: "2-digit",
  day: "numeric",
  month: "short",
  year: "numeric",
});
const dayTimeFormat = new Intl.DateTimeFormat(undefined, { ...HOURS, day: "numeric", month: "short" });
const expiryFormat = new Intl.DateTimeFormat(undefined, { ...HOURS, day: "numeric", month: "short", year: "numeric" });
const dateFormat = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });

/** @param {number} at milliseconds @returns {string} `14:02` */
export const formatTime = (at) => timeFormat.format(at);

/** @param {number} at milliseconds @returns {string} `14:02:31` */
export const formatSeconds = (at) => secondsFormat.format(at);

/** @param {number} at milliseconds @returns {string} the whole date and time */
export const formatDateTime = (at) => dateTimeFormat.format(at);

/** @param {number} at milliseconds @returns {string} the date and time to the second, for lists that one reads line by line */
export const formatRecordTime = (at) => recordFormat.format(at);

/** @param {number} at milliseconds @returns {string} the end of something, which may be years away: always with its year */
export const formatExpiry = (at) => expiryFormat.format(at);

/**
 * Formats a moment as shortly as it can be without being mistaken: the hour within half a day, before or after; the day
 * beyond that, and the year beyond half of one.
 *
 * @param {number} at milliseconds
 * @param {number} now milliseconds
 * @returns {string}
 */
export function formatShortest(at, now) {
  const distance = Math.abs(now - at);
  const format = distance < 12 * 3_600_000 ? timeFormat : distance < 180 * 86_400_000 ? dayTimeFormat : dateFormat;
  return format.format(at);
}

/**
 * Formats an age: `42 s old`, `3 min old`, `5 h old`, `2 days old`.
 *
 * @param {number} ms
 * @returns {string}
 */
export function formatAge(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s old`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min old`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h old`;
  return `${Math.floor(hours / 24)} days old`;
}

/**
 * The condition of a panel. Failing outranks late: the reason says more than the age.
 *
 * @param {{ hasView: boolean, at?: number | undefined, failing: boolean, staleAfter: number }} panel `staleAfter` in
 *   milliseconds; 0 when it cannot grow old
 * @param {number} now milliseconds, by the server's clock
 * @returns {"waiting" | "failing" | "late" | "fresh"}
 */
export function panelCondition(panel, now) {
  if (!panel.hasView) return "waiting";
  if (panel.failing) return "failing";
  if (panel.staleAfter > 0 && panel.at !== undefined && now - panel.at > panel.staleAfter) return "late";
  return "fresh";
}

/**
 * The state of the connection, as the bar shows it.
 *
 * @param {ConnectionState} connection
 * @param {number} now milliseconds
 * @param {boolean} online whether the browser believes that there is a network
 * @returns {{ state: string, text: string }}
 */
export function connectionText(connection, now, online) {
  switch (connection.kind) {
    case "connecting":
      return { state: "connecting", text: "Connecting" };
    case "live":
      return { state: "live", text: "Live" };
    case "paused":
      return { state: "connecting", text: "Paused" };
    case "signed-out":
      if (connection.reason === "second-factor") return { state: "signed-out", text: "One more step" };
      return { state: "signed-out", text: "Signed out" };
    case "refused":
      return { state: "refused", text: "Not allowed" };
    case "reconnecting": {
      if (online && connection.reason === "gone") return { state: "offline", text: `Gone since ${formatShortest(connection.since, now)}` };
      // There is a network and a server. What is missing is a place.
      if (online && connection.reason === "crowded") return { state: "offline", text: "Too many watch" };
      if (!online || now - connection.since >= OFFLINE_AFTER_MS) {
        return { state: "offline", text: `Offline since ${formatShortest(connection.since, now)}` };
      }
      const seconds = Math.ceil((connection.at - now) / 1000);
      return { state: "reconnecting", text: seconds > 0 ? `Reconnecting in ${seconds} s` : "Reconnecting" };
    }
  }
}

/** The notices for losses that are over by themselves. @type {Record<import("./types.js").LossReason, string>} */
const TEMPORARY_NOTICES = {
  gone: "This page is gone for now. What it shows has stopped, and goes on by itself when the page is back.",
  unconfirmed:
    "The company directory, or what this server keeps sessions in, has not answered for long, so nobody can say what you may see. This page goes on by itself when it answers.",
  crowded:
    "More boards are open than this server has room for, in all or from here. This page goes on by itself when there is room; closing boards that nobody looks at makes some.",
  shutdown: "The server is being restarted. This page goes on by itself when it is back.",
};

/**
 * The notice about why the page stands still, and whether signing in helps.
 *
 * @param {ConnectionState} connection
 * @returns {{ text: string, signIn: boolean, tone: "warn" | "bad" } | null} nothing while the page goes on
 */
export function noticeText(connection) {
  if (connection.kind === "reconnecting") {
    const { reason, at, since: lostAt } = connection;
    if (reason === null || (reason === "shutdown" && at - lostAt < MIN_NOTICE_WAIT_MS)) return null;
    return { text: TEMPORARY_NOTICES[reason], signIn: false, tone: "warn" };
  }
  if (connection.kind === "refused") {
    return { text: "You may no longer open this page. What it shows has stopped, and goes on by itself when you may again.", signIn: false, tone: "bad" };
  }
  if (connection.kind !== "signed-out") return null;
  const why =
    connection.reason === "expired"
      ? "Your session has ended, because its time was up."
      : connection.reason === "revoked"
        ? "Your session was ended: by you in another browser, by an administrator, or because your account was closed."
        : connection.reason === "signed-out"
          ? "You have signed out."
          : connection.reason === "second-factor"
            ? "Your second factor was shown too long ago."
            : "Your session has ended.";
  return { text: `${why} What this page shows has stopped.`, signIn: true, tone: "warn" };
}
