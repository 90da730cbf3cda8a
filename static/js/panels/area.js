/** Area chart: lines over time, filled beneath. */
import { createChartKind } from "./chart.js";

export const { paint, append, clear } = createChartKind("area");
