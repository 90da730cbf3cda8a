/**
 * Moves the code of an invitation into the form, and out of the address and the history. It stands behind the `#` of its
 * link, which browsers send to nobody: so it is in no log and in no `Referer`.
 */

/** @param {HTMLFormElement} form the one that takes the code. */
export function submitCodeFromHash(form) {
  const field = form.elements.namedItem("code");
  if (!(field instanceof HTMLInputElement)) return;
  const submitCode = () => {
    const code = location.hash.slice(1);
    if (!code) return;
    history.replaceState(null, "", location.pathname);
    field.value = code;
    form.requestSubmit();
  };
  submitCode();
  // Whoever pastes the link into a tab that shows this page already changes nothing but this part of the address.
  addEventListener("hashchange", submitCode);
}
