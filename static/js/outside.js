/** What the connection needs of the browser, in one place, so that a test can bring a browser of its own. */

/**
 * @typedef {object} Outside
 * @property {(url: string) => WebSocket} socket
 * @property {(url: string) => EventSource} events
 * @property {() => Promise<number>} probe asks for the page itself; resolves to the status, 401 for a way to the door
 * @property {() => void} reload loads the page anew, at the address it has now
 * @property {() => number} age how long ago this page was loaded, in milliseconds
 * @property {(work: () => void, ms: number) => any} later
 * @property {(timer: any) => void} never
 * @property {() => number} now
 * @property {() => number} random
 * @property {string} base the page's address
 */

/** A server that takes the question and never answers says nothing either. */
const PROBE_WITHIN_MS = 10_000;

/** The browser's own. @returns {Outside} */
export function browser() {
  return {
    socket: (url) => new WebSocket(url),
    events: (url) => new EventSource(url),
    probe: async () => {
      const signal = AbortSignal.timeout(PROBE_WITHIN_MS);
      const answer = await fetch(location.href, { method: "HEAD", redirect: "manual", headers: { accept: "text/html" }, signal });
      // A redirect is not shown to scripts, but a page of ours redirects to the door only.
      return answer.type === "opaqueredirect" ? 401 : answer.status;
    },
    reload: () => location.reload(),
    age: () => performance.now(),
    later: (work, ms) => setTimeout(work, ms),
    never: (timer) => clearTimeout(timer),
    now: () => Date.now(),
    random: Math.random,
    base: location.href,
  };
}
