/** The inputs above the board: a change goes into the address and over the open connection, without loading the page. */
import { signInHref } from "./status.js";

/**
 * @param {HTMLFormElement} form
 * @param {(values: Record<string, string>) => boolean} choose moves the live channel; false when there is none any more
 */
export function watchInputs(form, choose) {
  history.replaceState({ values: valuesOf(form) }, "");

  form.addEventListener("change", () => {
    const values = valuesOf(form);
    const address = `${location.pathname}?${new URLSearchParams(values)}`;
    if (!choose(values)) {
      location.assign(address);
      return;
    }
    history.pushState({ values }, "", address);
    followAddress();
  });

  form.addEventListener("submit", (event) => event.preventDefault());

  addEventListener("popstate", (event) => {
    const values = event.state?.values;
    // An entry from before this page looked after its address: only the server knows what its inputs were.
    if (!values || !setValues(form, values) || !choose(values)) location.reload();
    else followAddress();
  });
}

/** @param {HTMLFormElement} form @returns {Record<string, string>} */
function valuesOf(form) {
  /** @type {Record<string, string>} */
  const values = {};
  for (const [name, value] of new FormData(form)) if (typeof value === "string") values[name] = value;
  return values;
}

/** @param {HTMLFormElement} form @param {Record<string, string>} values @returns {boolean} whether each could be set */
function setValues(form, values) {
  for (const [name, value] of Object.entries(values)) {
    const control = form.elements.namedItem(name);
    if (control instanceof HTMLSelectElement || control instanceof RadioNodeList) control.value = value;
  }
  const now = valuesOf(form);
  return Object.entries(values).every(([name, value]) => now[name] === value);
}

/** Whatever leads back here leads to the inputs that are chosen now. */
function followAddress() {
  const here = location.pathname + location.search;
  for (const field of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll('.theme input[name="next"]'))) {
    field.value = here;
  }
  const door = /** @type {HTMLAnchorElement | null} */ (document.getElementById("sign-in"));
  if (door) door.href = signInHref(door.href);
}
