/** What stands around every page: moments in the viewer's own zone, and the theme's buttons. */
import { localise } from "./ages.js";
import { watchTheme } from "./theme.js";

localise(document);

const theme = document.querySelector("form.theme");
if (theme instanceof HTMLFormElement) watchTheme(theme);
