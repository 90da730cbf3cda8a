//! What happened at the doors: who, from where, what, and how it went.
//!
//! Every [`Event`] becomes one structured `tracing` event with the target [`TARGET`], so that an admin can keep the
//! audit apart from the rest of the log by a filter. Its fields have the same names in every event. Names that
//! strangers typed cannot break or forge a line.
//!
//! [`AuditStore`] keeps the events besides, to be searched and taken away ([`Format`]), so long and so many as the
//! settings say. It is written by one task of its own ([`AuditWriter`]): nobody waits for its disk, and when it takes
//! nothing, the log has the events and the next row says how many are missing.
//!
//! This room writes no password, no token and no hash of one, and never decides anything.

mod event;
mod export;
mod keeper;
mod line;
mod pending;
mod plain;
mod recorder;
mod search;
mod store;

pub use event::Event;
pub use export::{ExportError, Format};
pub use keeper::AuditWriter;
pub use line::{EVENTS, RESULTS};
pub use recorder::{Audit, TARGET};
pub use search::{Position, Record, Search};
pub use store::AuditStore;

#[cfg(test)]
pub(crate) mod paper;
#[cfg(test)]
mod tests;
