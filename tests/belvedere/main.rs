//! The whole program against real servers. Each module is a promise; `harness` has the words they are written in.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod door;
mod harness;
mod layers;
