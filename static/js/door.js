/** The sign-in form's one convenience: to see what one types. */

/** @param {HTMLButtonElement} button */
export function watchPassword(button) {
  const field = /** @type {HTMLInputElement | null} */ (document.getElementById("password"));
  if (!field) return;
  const show = (/** @type {boolean} */ shown) => {
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    button.setAttribute("aria-label", shown ? "Hide the password" : "Show the password");
    button.textContent = shown ? "Hide" : "Show";
  };
  button.hidden = false;
  show(false);
  button.addEventListener("click", () => {
    show(field.type === "password");
    field.focus();
  });
  // Sent as a password, so that no browser remembers it among ordinary words.
  field.form?.addEventListener("submit", () => show(false));
}
