/** The address and the transport of the next connection. Pure. */

/** How many attempts in a row may end before the server's `hello` until the other transport is tried. */
export const FAILURES_BEFORE_SWITCH = 2;

/**
 * The address of the live channel with the position to go on from. The inputs are in `url` already.
 *
 * @param {string} url as the page gave it: `/live/ops?city=NYC`
 * @param {string} base the page's own address
 * @param {"websocket" | "events"} transport
 * @param {string | null} epoch
 * @param {number | null} seq
 * @returns {string}
 */
export function resumeUrl(url, base, transport, epoch, seq) {
  const address = new URL(url, base);
  if (transport === "websocket") address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  if (epoch !== null && seq !== null) {
    address.searchParams.set("epoch", epoch);
    address.searchParams.set("seq", String(seq));
  } else {
    address.searchParams.delete("epoch");
    address.searchParams.delete("seq");
  }
  return address.href;
}

/**
 * The same path with other inputs.
 *
 * @param {string} url
 * @param {string} base
 * @param {Record<string, string>} values
 * @returns {string} path and query
 */
export function withInputs(url, base, values) {
  const address = new URL(url, base);
  for (const [name, value] of Object.entries(values)) address.searchParams.set(name, value);
  return address.pathname + address.search;
}

/**
 * The transport to try next. A proxy that blocks upgrades shows as attempts that end before `hello`; a server that is away
 * does so too, therefore the choice is never for good and goes back the same way.
 *
 * @param {"websocket" | "events"} transport what was tried
 * @param {number} failures how many attempts over it ended before `hello`, in a row
 * @returns {"websocket" | "events"}
 */
export function nextTransport(transport, failures) {
  if (failures < FAILURES_BEFORE_SWITCH) return transport;
  return transport === "websocket" ? "events" : "websocket";
}
