/**
 * The code of an invitation stands behind the `#` of its link, which browsers send to nobody: so it is in no log and in no
 * `Referer`. Here it goes into the form, and out of the address and the history.
 */

/** @param {HTMLFormElement} form the one that takes the code. */
export function takeCode(form) {
  const field = form.elements.namedItem("code");
  if (!(field instanceof HTMLInputElement)) return;
  const take = () => {
    const code = location.hash.slice(1);
    if (!code) return;
    history.replaceState(null, "", location.pathname);
    field.value = code;
    form.requestSubmit();
  };
  take();
  // Whoever pastes the link into a tab that shows this page already changes nothing but this part of the address.
  addEventListener("hashchange", take);
}
