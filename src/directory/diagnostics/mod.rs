//! What is wrong with a directory, if anything: every step from its name to what one person may see, each with what was
//! found, or with the reason and the remedy.
//!
//! An examination dials connections of its own and counts against no pool. Each step has a deadline, and so has the
//! whole. It shows a certificate that nobody trusts by a handshake over which nothing else is ever said (`handshake`);
//! whatever is asked after that goes over a connection whose certificate was verified as ever. It never writes, and
//! sends a password only to bind as the service account or, once, as the person who gave it.

mod account;
mod as_person;
mod certificate;
mod directory;
mod glance;
mod groups;
mod handshake;
mod overview;
mod person;
mod reach;
mod report;
mod root;
mod run;
mod server;
mod service;
mod table;
mod ways;

pub use account::Bar;
pub use overview::ServerNow;
pub use person::{Seen, Sought};
pub use report::{Authority, Examination, Known, Section, Step, Verdict};
pub use run::Questions;
pub use table::Table;
pub use ways::{Membership, Way};

pub(super) use groups::step as group_step;
pub(super) use run::Examined;
