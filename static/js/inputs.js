/** The inputs above the board: a change goes into the address and over the open connection, without loading the page. */
import { signInHref } from "./status.js";

/**
 * @param {HTMLFormElement} form
 * @param {(values: Record<string, string>) => boolean} setInputs moves the live channel; false when there is none any more
 */
export function watchInputs(form, setInputs) {
  history.replaceState({ values: valuesOf(form) }, "");

  form.addEventListener("change", () => {
    const values = valuesOf(form);
    const url = `${location.pathname}?${new URLSearchParams(values)}`;
    if (!setInputs(values)) {
      location.assign(url);
      return;
    }
    history.pushState({ values }, "", url);
    updateReturnLinks();
  });

  form.addEventListener("submit", (event) => event.preventDefault());

  addEventListener("popstate", (event) => {
    const values = event.state?.values;
    // An entry from before this page looked after its address: only the server knows what its inputs were.
    if (!values || !setValues(form, values) || !setInputs(values)) location.reload();
    else updateReturnLinks();
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

/** Points the links and forms that lead back here to the inputs that are chosen now. */
function updateReturnLinks() {
  const here = location.pathname + location.search;
  for (const field of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll('.theme input[name="next"]'))) {
    field.value = here;
  }
  const signInLink = /** @type {HTMLAnchorElement | null} */ (document.getElementById("sign-in"));
  if (signInLink) signInLink.href = signInHref(signInLink.href);
}
