//! What happened at the doors: who, from where, what, and how it went.
//!
//! Every [`Event`] becomes one structured `tracing` event with the target [`TARGET`], so that an admin can keep the
//! audit apart from the rest of the log by a filter. Its fields have the same names in every event. Names that
//! strangers typed cannot break or forge a line. This room writes no password, no token and no hash of one, and
//! never decides anything.

mod event;
mod plain;

pub use event::{Audit, Event, TARGET};

#[cfg(test)]
pub(crate) mod paper;
#[cfg(test)]
mod tests;
