/** Lines over time, filled beneath. */
import { makeChart } from "./chart.js";

export const { paint, append, clear } = makeChart("area");
