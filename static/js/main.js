/** Where every page's script begins. */
import { localise } from "./ages.js";
import { watchPassword, watchPrint } from "./door.js";
import { takeCode } from "./invitation.js";
import { watchPasskey } from "./passkeys.js";
import { watchTheme } from "./theme.js";

localise(document);

const theme = document.querySelector("form.theme");
if (theme instanceof HTMLFormElement) watchTheme(theme);

for (const button of document.querySelectorAll(".secret button")) {
  if (button instanceof HTMLButtonElement) watchPassword(button);
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (form instanceof HTMLFormElement) watchPasskey(form);
}

for (const button of document.querySelectorAll("button[data-print]")) {
  if (button instanceof HTMLButtonElement) watchPrint(button);
}

const invitation = document.getElementById("invitation");
if (invitation instanceof HTMLFormElement) takeCode(invitation);

const board = document.getElementById("board");
if (board) {
  const { startPage } = await import("./page.js");
  startPage(board);
}
