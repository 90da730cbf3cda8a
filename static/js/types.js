/**
 * The shapes that come over the wire, as the server's `panels::view` and the live protocol have them; what only one kind of
 * panel has stands in its script. Types only.
 *
 * @typedef {"good" | "warn" | "bad" | "unknown"} State
 * @typedef {{ text: string, unit: string }} Figure
 * @typedef {{ state: State, word: string }} Mark
 * @typedef {{ kind: string, mark?: Mark }} View what the views of all kinds have
 * @typedef {{ at: number, text: string }} Tick
 * @typedef {{ min: number, max: number, ticks: Tick[] }} Axis
 * @typedef {{ times: number[], values: (number | null)[][], latest: Figure[], states?: (State | null)[], mark?: Mark, axis?: Axis }} Append
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
 * @typedef {{ kind: "connecting" | "live" | "paused" } | { kind: "reconnecting", at: number, since: number, reason: LossReason | null }
 *   | { kind: "signed-out", reason: string } | { kind: "refused" }} ConnectionState
 */

export {};
