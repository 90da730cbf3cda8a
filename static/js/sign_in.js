/** Conveniences of the forms for passwords and codes: showing what is typed, and printing what is shown once. */

/** @param {HTMLButtonElement} button it says in `aria-controls` which fields it shows, and in `data-what` what they are. */
export function addPasswordToggle(button) {
  const ids = (button.getAttribute("aria-controls") ?? "").split(" ");
  const fields = ids.map((id) => document.getElementById(id)).filter((field) => field instanceof HTMLInputElement);
  const [first] = fields;
  if (!first) return;
  const show = (/** @type {boolean} */ shown) => {
    for (const field of fields) field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    button.setAttribute("aria-label", `${shown ? "Hide" : "Show"} the ${button.dataset.what}`);
    button.textContent = shown ? "Hide" : "Show";
  };
  button.hidden = false;
  show(false);
  button.addEventListener("click", () => {
    show(first.type === "password");
    first.focus();
  });
  // Sent as a password, so that no browser remembers it among ordinary words.
  first.form?.addEventListener("submit", () => show(false));
}

/** @param {HTMLButtonElement} button */
export function enablePrintButton(button) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
