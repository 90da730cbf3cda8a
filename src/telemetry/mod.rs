//! The program's log and its metrics.
//!
//! Logs go through `tracing`, Rocket's own lines and other libraries' through the `log` bridge, to standard error: for
//! people when that is a terminal, one JSON object a line otherwise. [`Metrics`] counts and times what the rooms above
//! do; it is a handle that is passed to them, never a global. This room decides the format of log lines and metrics; it
//! writes none itself, and no secret is ever given to it.

mod audit_metrics;
mod bridge;
mod bus_metrics;
mod directory_metrics;
mod live_metrics;
mod logging;
mod metrics;
mod server_names;

pub use audit_metrics::AuditMetrics;
pub use bus_metrics::BusMetrics;
pub use directory_metrics::{DirectoryMetrics, PoolSize};
pub use live_metrics::{FeedsState, LiveMetrics, LiveState};
pub use logging::{InvalidLogFilter, init_logging};
pub use metrics::{EncodeMetricsError, Metrics};
