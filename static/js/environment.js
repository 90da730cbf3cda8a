/** The functions of the browser that the connection uses, in one place, so that a test can bring its own. */

/**
 * @typedef {object} Environment
 * @property {(url: string) => WebSocket} openSocket
 * @property {(url: string) => EventSource} openEventStream
 * @property {() => Promise<number>} probePage asks for the page itself; resolves to the status, 401 for a redirect to the sign-in form
 * @property {() => void} reload loads the page anew, at the address it has now
 * @property {() => number} pageAge how long ago this page was loaded, in milliseconds
 * @property {(work: () => void, ms: number) => any} setTimer
 * @property {(timer: any) => void} clearTimer
 * @property {() => number} now
 * @property {() => number} random
 * @property {string} baseUrl the page's address
 */

/** How long the probe may take: a server that takes the request and never answers says nothing either. */
const PROBE_TIMEOUT_MS = 10_000;

/** The functions of this browser. @returns {Environment} */
export function browserEnvironment() {
  return {
    openSocket: (url) => new WebSocket(url),
    openEventStream: (url) => new EventSource(url),
    probePage: async () => {
      const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
      const response = await fetch(location.href, { method: "HEAD", redirect: "manual", headers: { accept: "text/html" }, signal });
      // A redirect is not shown to scripts, but a page of ours redirects to the sign-in form only.
      return response.type === "opaqueredirect" ? 401 : response.status;
    },
    reload: () => location.reload(),
    pageAge: () => performance.now(),
    setTimer: (work, ms) => setTimeout(work, ms),
    clearTimer: (timer) => clearTimeout(timer),
    now: () => Date.now(),
    random: Math.random,
    baseUrl: location.href,
  };
}
