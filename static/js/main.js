/** Entry point of every page without a board: what its forms can do better with a script. */
import "./layout.js";
import { submitCodeFromHash } from "./invitation.js";
import { watchPasskey } from "./passkeys.js";
import { addPasswordToggle, enablePrintButton } from "./sign_in.js";

for (const button of document.querySelectorAll(".secret button")) {
  if (button instanceof HTMLButtonElement) addPasswordToggle(button);
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (form instanceof HTMLFormElement) watchPasskey(form);
}

for (const button of document.querySelectorAll("button[data-print]")) {
  if (button instanceof HTMLButtonElement) enablePrintButton(button);
}

const invitation = document.getElementById("invitation");
if (invitation instanceof HTMLFormElement) submitCodeFromHash(invitation);
