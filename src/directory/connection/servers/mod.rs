//! The servers of one directory: which there are, in what order, and which of them answer.
//!
//! A server that fails is not asked again by anybody until it has answered a probe in the background: a dead one costs
//! one dial deadline, once. Where DNS says which servers there are, it is asked again now and then.

mod discover;
mod names;
mod server;
mod set;

pub(in crate::directory) use names::Names;
pub(in crate::directory) use server::{Prober, Server};
pub(in crate::directory) use set::ServerSet;
