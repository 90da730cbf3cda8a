//! Runs filters in processes of their own, whose memory the system limits.
//!
//! A filter is a program, and a page's author may write any: one that asks for more memory than it is given ends its worker and
//! nothing else. [`FilterWorkers`] starts a few of them, hands each one filter with one answer at a time once it has said that it is
//! ready, and ends those that take too long. A worker is this same program, which [`serve_filters`](super::serve_filters) turns into one; it has no environment,
//! no settings, and no open file but the socket on which it is asked.

mod message;
mod pool;
mod process;
mod waiting_bytes;

pub(in crate::sources) use message::{FilterAnswer, FilterRequest, read_bytes, read_message, write_answer, write_greeting};
pub use pool::FilterWorkers;
pub(in crate::sources) use pool::MAX_RUN_TIME;
pub use process::WORKER_COMMAND;

#[cfg(test)]
pub(in crate::sources) mod tests;
