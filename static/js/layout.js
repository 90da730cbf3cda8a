/** The script of the layout, on every page: moments in the viewer's own zone, and the theme's buttons. */
import { localiseTimes } from "./ages.js";
import { tellSignIn } from "./signed_in.js";
import { watchTheme } from "./theme.js";

localiseTimes(document);
tellSignIn();

const theme = document.querySelector("form.theme");
if (theme instanceof HTMLFormElement) watchTheme(theme);
