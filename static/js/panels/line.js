/** Line chart: lines over time. */
import { createChartKind } from "./chart.js";

export const { paint, append, clear } = createChartKind("line");
