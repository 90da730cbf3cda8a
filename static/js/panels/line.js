/** Lines over time. */
import { makeChart } from "./chart.js";

export const { paint, append, clear } = makeChart("line");
