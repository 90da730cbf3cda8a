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

pub(in crate::directory) use answer::{Answer, tag};
pub(in crate::directory) use ber::{Elements, universal, unsigned};
pub(in crate::directory) use line::{Broken, Line};
pub(in crate::directory) use message::{NotLdap, message};
#[cfg(feature = "fuzzing")]
pub(in crate::directory) use request::written;
pub(in crate::directory) use request::{Change, Request};
