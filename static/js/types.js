/**
 * The shapes that come over the wire, as the server's `panels::view` and the live protocol have them. Types only.
 *
 * @typedef {"good" | "warn" | "bad" | "unknown"} State
 * @typedef {{ text: string, unit: string }} Figure
 * @typedef {{ state: State, word: string }} Mark
 * @typedef {{ line: string, area: string }} Spark
 * @typedef {{ kind: "stat", figure: Figure, mark?: Mark, note?: string, spark?: Spark }} StatView
 * @typedef {{ kind: "gauge", figure: Figure, mark?: Mark, percent: number, min: string, max: string,
 *   marks: [number, State][] }} GaugeView
 * @typedef {{ at: number, text: string }} Tick
 * @typedef {{ min: number, max: number, ticks: Tick[] }} Axis
 * @typedef {{ label: string, latest: Figure, values: (number | null)[] }} Series
 * @typedef {{ kind: "line" | "area", times: number[], series: Series[], axis: Axis, window: number,
 *   thresholds: [number, State][], decimals: number, unit: string, divisor: number }} ChartView
 * @typedef {{ label: string, figure: Figure, percent: number, mark?: Mark }} BarRow
 * @typedef {{ kind: "bar", bars: BarRow[] }} BarView
 * @typedef {{ text: string, state?: State }} Cell
 * @typedef {{ kind: "table", columns: { label: string, align: "left" | "right" }[], rows: Cell[][], more: number }} TableView
 * @typedef {{ label: string, mark: Mark, note?: string, beats: State[], uptime: string }} StateRow
 * @typedef {{ kind: "states", rows: StateRow[] }} StatesView
 * @typedef {{ kind: "text", html: string }} TextView
 * @typedef {StatView | GaugeView | ChartView | BarView | TableView | StatesView | TextView} View
 * @typedef {{ times: number[], values: (number | null)[][], latest: Figure[], axis?: Axis }} Append
 * @typedef {{ reason: string, since: number, retry_at?: number }} Trouble
 * @typedef {{ at?: number, view?: View, append?: Append, trouble?: Trouble }} Frame
 * @typedef {{ [id: string]: Frame }} Frames
 *
 * @typedef {{ type: "hello", epoch: string, seq: number, heartbeat: number, revision?: string }} Hello
 * @typedef {{ type: "snapshot", epoch: string, seq: number, panels: Frames }} Snapshot
 * @typedef {{ type: "batch", seq: number, sent: number, panels: Frames }} Batch
 * @typedef {{ type: "ping" }} Ping
 * @typedef {{ type: "bye", reason: string, retry_ms?: number }} Bye
 * @typedef {Hello | Snapshot | Batch | Ping | Bye} Message
 *
 * @typedef {"gone" | "unconfirmed" | "crowded" | "shutdown"} LossReason
 * @typedef {{ kind: "connecting" | "live" } | { kind: "reconnecting", at: number, since: number, reason: LossReason | null }
 *   | { kind: "signed-out", reason: string } | { kind: "refused" }} ConnectionState
 */

export {};
