/** What the tabs of a browser tell each other: that somebody has signed in, so that boards which had stopped go on. */

/** The channel between the tabs of this site. */
const CHANNEL = "belvedere-signed-in";

/** Tells the other tabs who is signed in, when that is somebody else than the last page of this tab knew. */
export function tellSignIn() {
  const name = document.querySelector(".who-name")?.getAttribute("title") ?? "";
  // A page that is only gone on to tells nothing new.
  if (name === remembered()) return;
  remember(name);
  if (name && "BroadcastChannel" in globalThis) new BroadcastChannel(CHANNEL).postMessage(null);
}

/** Calls `work` when somebody has signed in in another tab. @param {() => void} work */
export function watchSignIn(work) {
  if ("BroadcastChannel" in globalThis) new BroadcastChannel(CHANNEL).onmessage = () => work();
}

/** @returns {string | null} */
function remembered() {
  try {
    return sessionStorage.getItem(CHANNEL);
  } catch {
    return null;
  }
}

/** @param {string} name */
function remember(name) {
  try {
    sessionStorage.setItem(CHANNEL, name);
  } catch {
    // A browser that keeps nothing tells the others at every page, which asks them for no more than one request.
  }
}
