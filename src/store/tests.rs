//! What tests of stores share, in every room.

#[path = "../../tests/belvedere/harness/certificates.rs"]
#[allow(dead_code, reason = "the integration tests need more of it")]
pub(crate) mod certificates;
pub(crate) mod contract;
mod engine;
#[path = "../../tests/belvedere/harness/free_port.rs"]
pub(crate) mod free_port;
#[path = "../../tests/belvedere/harness/pgbouncer.rs"]
#[allow(dead_code, reason = "the integration tests need more of it")]
pub(crate) mod pgbouncer;
/// The server that the integration tests start, too.
#[path = "../../tests/belvedere/harness/postgres.rs"]
#[allow(dead_code, reason = "the integration tests need more of it")]
pub(crate) mod postgres;
#[path = "../../tests/belvedere/harness/server_account.rs"]
pub(crate) mod server_account;
#[path = "../../tests/belvedere/harness/server_process.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "the integration tests need more of it")]
pub(crate) mod server_process;

pub(crate) use engine::{TestEngine, on_both_engines};
