/** Ages, states and times in words. Pure, except that times are told in the viewer's zone and language. */

/** @typedef {import("./types.js").Connection} Connection */

/** After so long without a connection, the wait is called what it is. */
export const OFFLINE_AFTER_MS = 30_000;

/** A server that asks for a shorter wait is back before anybody has read why. */
export const WORTH_SAYING_MS = 3_000;

// Twenty-four hours everywhere: axes and heads have no room for a second word beside the time.
const HOURS = /** @type {const} */ ({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const short = new Intl.DateTimeFormat(undefined, HOURS);
const long = new Intl.DateTimeFormat(undefined, { ...HOURS, second: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const record = new Intl.DateTimeFormat(undefined, {
  ...HOURS,
  second: "2-digit",
  day: "numeric",
  month: "short",
  year: "numeric",
});
const day = new Intl.DateTimeFormat(undefined, { ...HOURS, day: "numeric", month: "short" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });

/** @param {number} at milliseconds @returns {string} `14:02` */
export const clock = (at) => short.format(at);

/** @param {number} at milliseconds @returns {string} `14:02:31` */
export const exactClock = (at) => long.format(at);

/** @param {number} at milliseconds @returns {string} the whole date and time */
export const wholeMoment = (at) => full.format(at);

/** @param {number} at milliseconds @returns {string} the date and time to the second, for lists that one reads line by line */
export const recorded = (at) => record.format(at);

/**
 * A moment as short as it can be without being mistaken: the hour within half a day, before or after; the day beyond that,
 * and the year beyond half of one.
 *
 * @param {number} at milliseconds
 * @param {number} now milliseconds
 * @returns {string}
 */
export function since(at, now) {
  const away = Math.abs(now - at);
  const form = away < 12 * 3_600_000 ? short : away < 180 * 86_400_000 ? day : date;
  return form.format(at);
}

/**
 * How old something is: `42 s old`, `3 min old`, `5 h old`, `2 days old`.
 *
 * @param {number} ms
 * @returns {string}
 */
export function ageWords(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s old`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min old`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h old`;
  return `${Math.floor(hours / 24)} days old`;
}

/**
 * How a panel stands. Failing outranks late: the reason says more than the age.
 *
 * @param {{ hasView: boolean, at?: number | undefined, failing: boolean, staleAfter: number }} panel `staleAfter` in
 *   milliseconds; 0 when it cannot grow old
 * @param {number} now milliseconds, by the server's clock
 * @returns {"waiting" | "failing" | "late" | "fresh"}
 */
export function condition(panel, now) {
  if (!panel.hasView) return "waiting";
  if (panel.failing) return "failing";
  if (panel.staleAfter > 0 && panel.at !== undefined && now - panel.at > panel.staleAfter) return "late";
  return "fresh";
}

/**
 * The state of the connection, as the bar tells it.
 *
 * @param {Connection} connection
 * @param {number} now milliseconds
 * @param {boolean} online whether the browser believes that there is a network
 * @returns {{ state: string, words: string }}
 */
export function connectionWords(connection, now, online) {
  switch (connection.kind) {
    case "connecting":
      return { state: "connecting", words: "Connecting" };
    case "live":
      return { state: "live", words: "Live" };
    case "signed-out":
      if (connection.reason === "second-factor") return { state: "signed-out", words: "One more step" };
      return { state: "signed-out", words: "Signed out" };
    case "refused":
      return { state: "refused", words: "Not allowed" };
    case "reconnecting": {
      if (online && connection.why === "gone") return { state: "offline", words: `Gone since ${since(connection.since, now)}` };
      // There is a network and a server. What is missing is a place.
      if (online && connection.why === "crowded") return { state: "offline", words: "Too many watch" };
      if (!online || now - connection.since >= OFFLINE_AFTER_MS) {
        return { state: "offline", words: `Offline since ${since(connection.since, now)}` };
      }
      const seconds = Math.ceil((connection.at - now) / 1000);
      return { state: "reconnecting", words: seconds > 0 ? `Reconnecting in ${seconds} s` : "Reconnecting" };
    }
  }
}

/** What is over by itself. @type {Record<import("./types.js").Why, string>} */
const PASSING = {
  gone: "This page is gone for now. What it shows has stopped, and goes on by itself when the page is back.",
  unconfirmed:
    "The company directory has not answered for long, so nobody can say what you may see. This page goes on by itself when it answers.",
  crowded:
    "More boards are open than this server has room for, in all or from here. This page goes on by itself when there is room; closing boards that nobody looks at makes some.",
  shutdown: "The server is being restarted. This page goes on by itself when it is back.",
};

/**
 * Why the page stands still, and whether signing in helps.
 *
 * @param {Connection} connection
 * @returns {{ words: string, signIn: boolean, tone: "warn" | "bad" } | null} nothing while the page goes on
 */
export function noticeWords(connection) {
  if (connection.kind === "reconnecting") {
    const { why, at, since: lostAt } = connection;
    if (why === null || (why === "shutdown" && at - lostAt < WORTH_SAYING_MS)) return null;
    return { words: PASSING[why], signIn: false, tone: "warn" };
  }
  if (connection.kind === "refused") {
    return { words: "You may no longer open this page. What it shows has stopped.", signIn: false, tone: "bad" };
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
  return { words: `${why} What this page shows has stopped.`, signIn: true, tone: "warn" };
}
