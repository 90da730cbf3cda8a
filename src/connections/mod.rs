//! How many connections there may be, and how long each may say nothing.
//!
//! Rocket accepts every connection and waits for its first request for ever; it takes no listener from outside that could
//! do otherwise. So this room watches from beside it: it finds the sockets of the served port among the process's own open
//! files (`sockets`), hears from the web which of them have asked something ([`Connections::head_came`]), judges which
//! have to go (`Book`), and shuts those down. The web's own reading then ends as if the other side had left.
//!
//! It never reads or writes what goes over a connection, and knows nothing of HTTP.

mod asking;
mod book;
mod judge;
mod open_files;
mod round;
#[cfg(target_os = "linux")]
mod sockets;
#[cfg(not(target_os = "linux"))]
#[path = "sockets_elsewhere.rs"]
mod sockets;
#[cfg(test)]
mod tests;
mod watch;

pub use asking::Asking;
pub use open_files::raise_open_files;
pub use watch::Connections;
