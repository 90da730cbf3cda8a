/** The theme's buttons, without loading the page. The server keeps the choice in a cookie and applies it from then on. */

/** The event that the document gets when colours have changed. */
export const THEME_CHANGED = "themechange";

/** @param {HTMLFormElement} form */
export function watchTheme(form) {
  form.addEventListener("submit", (event) => {
    const button = /** @type {HTMLButtonElement | null} */ (event.submitter);
    if (!button) return;
    event.preventDefault();
    const previous = currentTheme();
    applyTheme(form, button.value);
    const choice = new URLSearchParams();
    for (const [name, value] of new FormData(form, button)) choice.append(name, String(value));
    fetch(form.action, { method: "POST", body: choice, redirect: "manual" }).then(
      (response) => {
        // A refusal must be seen where it can be read; the plain form shows it.
        if (response.type !== "opaqueredirect" && !response.ok) submitForm(form, button);
      },
      () => applyTheme(form, previous),
    );
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", notifyChange);
}

/** @returns {string} */
function currentTheme() {
  return /theme-(\w+)/.exec(document.documentElement.className)?.[1] ?? "system";
}

/** @param {HTMLFormElement} form @param {string} theme */
function applyTheme(form, theme) {
  document.documentElement.className = `theme-${theme}`;
  document.querySelector('meta[name="color-scheme"]')?.setAttribute("content", theme === "system" ? "light dark" : theme);
  for (const button of form.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.value === theme));
  }
  notifyChange();
}

function notifyChange() {
  document.dispatchEvent(new Event(THEME_CHANGED));
}

/** @param {HTMLFormElement} form @param {HTMLButtonElement} button */
function submitForm(form, button) {
  const choice = document.createElement("input");
  choice.type = "hidden";
  choice.name = button.name;
  choice.value = button.value;
  form.append(choice);
  form.submit();
}
