//! The common parts of the benchmarks: worker processes and their options, the whole program on loopback, people who
//! are signed in, a client for pages, processor time and memory, and how figures are judged.

pub(crate) mod arguments;
pub(crate) mod board;
pub(crate) mod http_client;
pub(crate) mod people;
pub(crate) mod process;
pub(crate) mod report;
pub(crate) mod running_server;
pub(crate) mod usage;
