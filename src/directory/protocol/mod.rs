//! LDAP on the wire (RFC 4511): one question at a time, and its answers.
//!
//! A pool hands each connection to one user at a time, so nothing is told apart that came at once: `line` writes a request
//! (`request`) and reads until its last answer (`answer`), in the task of whoever asks. No byte of a server's is read before
//! the message that it is in was looked over whole (`message`), and nothing is read by recursion (`ber`), so nothing that a
//! server says is a panic, or more than a bounded amount of memory. A request may hold a password, and wipes itself.

mod answer;
mod ber;
mod line;
mod message;
mod request;

pub(super) use answer::{Answer, tag};
pub(super) use ber::{Elements, universal, unsigned};
pub(super) use line::{Broken, Line};
pub(super) use message::{NotLdap, message};
#[cfg(feature = "fuzzing")]
pub(super) use request::written;
pub(super) use request::{Change, Request};
