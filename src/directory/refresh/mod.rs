//! Refreshes people who are signed in: their account status and groups, asked with the service identity, many at a
//! time.
//!
//! The story, file by file: `run` asks and puts the answers together, `person_reference` says how a known person is
//! found again, `account_status` is the answer. Their groups are computed for all of them
//! together, from what the directory tells in bulk. That only finds out whose groups have changed (`comparable_groups`):
//! those few are read again in the way of a sign-in, and that answer counts (the client's membership cache remembers
//! where the two ways differ for good).
//!
//! An answer that failed, or that the server cut short, is never taken for a loss; and what is too large, or cannot be read,
//! of one person is asked for alone, so that it costs nobody else their answer.

mod account_status;
mod comparable_groups;
mod person_reference;
mod run;
mod service_search;

pub use account_status::AccountStatus;
