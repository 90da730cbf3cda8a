//! Limits on connections: their number, and how long each may be idle.
//!
//! Rocket accepts every connection and waits for its first request for ever; it takes no listener from outside that could
//! do otherwise. So this room watches from beside it: it finds the sockets of the served port among the process's own open
//! files (`sockets`), is told by the web which of them have requests ([`Connections::request_started`]), selects those that
//! have to go (`policy`), and shuts them down. The web's own reading then ends as if the other side had left.
//!
//! It never reads or writes what goes over a connection, and knows nothing of HTTP.

mod in_flight;
mod open_file_limit;
mod policy;
#[cfg(target_os = "linux")]
mod sockets;
#[cfg(not(target_os = "linux"))]
#[path = "sockets_unsupported.rs"]
mod sockets;
mod sweep;
mod table;
#[cfg(test)]
mod tests;
mod watch;

pub use in_flight::InFlightRequest;
pub use open_file_limit::raise_open_file_limit;
pub use watch::Connections;
