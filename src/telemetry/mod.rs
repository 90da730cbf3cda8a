//! Logs: everything through `tracing`, Rocket's own lines and other libraries' through the `log` bridge.
//!
//! Lines go to standard error: for people when that is a terminal, one JSON object a line otherwise. This room decides
//! how lines look and which there are; it never adds to them, and no secret is ever given to it.

mod bridge;
mod start;

pub use start::{InvalidFilter, start};
