//! The audit log: who did what, from where, and how it went.
//!
//! Every [`AuditEvent`] becomes one structured `tracing` event with the target [`TARGET`], so that an admin can keep
//! the audit apart from the rest of the log by a filter. Its fields have the same names in every event. Names that
//! strangers typed cannot break or forge a line.
//!
//! The [`AuditTrail`] keeps the events besides in an [`AuditStore`], to be searched and exported ([`ExportFormat`]), as long and as many as the
//! settings say. Repeats of an event within some minutes are one row with a count, in the log a line at the first and one at
//! the end, so that nobody writes it full; only what may have been a guess is a line each time. And nobody's events push out another's. One task of its own writes it ([`AuditWriter`]): nobody waits for its store. When that takes nothing for longer than
//! some minutes, the log has the events and the next row says how many are missing.
//!
//! This room writes no password, no token and no hash of one, and never decides anything.

mod event;
mod export;
mod fields;
mod fold;
mod holder;
mod log_line;
mod pending;
mod postgres;
mod queue;
mod recorder;
mod retention;
mod sanitize;
mod search;
mod sqlite;
mod store;
mod trail;
mod verified;
mod writer;

pub use event::AuditEvent;
pub use export::{ExportError, ExportFormat};
pub use fields::{AuditFields, EVENTS, RESULTS};
pub use holder::EventHolder;
pub use log_line::TARGET;
pub use recorder::Audit;
pub use retention::RetentionClass;
pub use search::{AuditCursor, AuditRecord, AuditSearch};
pub use store::{AuditEntry, AuditStore, Repeats};
pub use trail::AuditTrail;
pub use writer::AuditWriter;

#[cfg(test)]
pub(crate) mod log_capture;
#[cfg(test)]
mod tests;
