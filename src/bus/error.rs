use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why there is no bus. For administrators and the log; no password is in it, no full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// There is no connection to it.
    #[error("{0} cannot be reached: {1}")]
    Unreachable(String, String),
    /// It did not answer in time.
    #[error("{0} does not answer")]
    TimedOut(String),
    /// It does not take the user, the password or a command.
    #[error("{0} refuses us: {1}")]
    Refused(String, String),
    /// No Sentinel knows a master of that name.
    #[error("no Sentinel names a master '{0}': {1}")]
    NoMaster(String, String),
    /// It is a replica, which takes nothing.
    #[error("{0} is a replica; name its master, or its Sentinels")]
    Replica(String),
    /// The connection has ended, or said what cannot be understood.
    #[error("the connection to {0} has failed: {1}")]
    Failed(String, String),
    /// `bus_ca_file` cannot be used.
    #[error("{0}")]
    Trust(String),
}

impl BusError {
    /// The error of a command that `server` was sent.
    pub(super) fn of_command(server: &str, error: &RedisError) -> Self {
        let server = server.to_owned();
        let text = error.to_string();
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::ReadOnly) => Self::Replica(server),
            ErrorKind::Server(ServerErrorKind::NoPerm) | ErrorKind::AuthenticationFailed => Self::Refused(server, text),
            _ if text.contains("NOAUTH") || text.contains("WRONGPASS") => Self::Refused(server, text),
            _ if text.contains("READONLY") => Self::Replica(server),
            _ if error.is_timeout() => Self::TimedOut(server),
            _ => Self::Failed(server, text),
        }
    }
}
