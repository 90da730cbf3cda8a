//! The servers of one directory: which there are, in what order, and which of them answer.
//!
//! A server that fails is not asked again by anybody until it has answered a probe in the background: a dead one costs
//! one dial deadline, once. Where DNS says which servers there are, it is asked again now and then.

mod dns;
mod prober;
mod server;
mod set;
mod srv_discovery;

pub(in crate::directory) use dns::DnsResolver;
pub(in crate::directory) use server::DirectoryServer;
pub(in crate::directory) use set::ServerSet;
