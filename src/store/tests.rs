//! What tests of stores share, in every room.

pub(crate) mod contract;
/// The server that the integration tests start, too.
#[path = "../../tests/belvedere/harness/postgres.rs"]
#[allow(dead_code, reason = "the integration tests need more of it")]
pub(crate) mod postgres;
#[path = "../../tests/belvedere/harness/server_process.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "the integration tests need more of it")]
pub(crate) mod server_process;
