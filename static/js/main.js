/** Where the script of every page begins that has no board: what its forms can do better with a script. */
import "./chrome.js";
import { watchPassword, watchPrint } from "./door.js";
import { takeCode } from "./invitation.js";
import { watchPasskey } from "./passkeys.js";

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
