use std::time::Duration;

use sqlx::error::DatabaseError;

use crate::config::format_duration;

/// Why a PostgreSQL database cannot be used. Each text names the remedy, and no password or value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostgresFailure {
    /// No server answers.
    #[error("no server answers ({0}); see to it that it runs and can be reached, and that `url` in [default.store] names it")]
    Unreachable(String),
    /// No server answers in time.
    #[error("no connection within {}; see to it that the server can be reached and is not overloaded (connect_timeout)", format_duration(*.0))]
    ConnectTimedOut(Duration),
    /// The server is starting, or stopping.
    #[error("the server is starting or stopping; it is used again as soon as it is ready")]
    Restarting,
    /// The role or its password is refused.
    #[error(
        "the server refuses the user or the password of the URL in [default.store], or pg_hba.conf does ({0}); correct them"
    )]
    Credentials(String),
    /// The database does not exist.
    #[error("the server has no such database; create it: CREATE DATABASE …, owned by the user of the URL")]
    NoDatabase,
    /// TLS is refused, by either side.
    #[error(
        "TLS is not possible ({0}); set `ca_file` in [default.store] to the authority that signed the server's certificate, which must be made out to the host of the URL"
    )]
    Tls(String),
    /// A pooler is in between that does not know about sessions.
    #[error(
        "a pooler is in between that takes no settings of a session ({0}); set `direct_url` in [default.store] to the database itself"
    )]
    Pooler(String),
    /// Only replicas answer.
    #[error("the server is a replica, or takes no writes; name all servers in the URL, of which the primary is used")]
    ReadOnly,
    /// The server has no more connections.
    #[error("the server has no connection left; raise its max_connections, or lower `connections` in [default.store]")]
    TooManyConnections,
    /// All connections of the pool are in use.
    #[error("all {0} connections are in use; raise `connections` in [default.store] if the server is not overloaded")]
    PoolExhausted(usize),
    /// A statement took too long.
    #[error("a statement took longer than {} (statement_timeout); look at the server's load and at what holds locks", format_duration(*.0))]
    StatementTimedOut(Duration),
    /// The connection broke in the middle of a statement: nobody knows whether it was executed.
    #[error("the connection broke ({0})")]
    ConnectionLost(String),
    /// The role may not do it.
    #[error(
        "the user of the URL may not do this ({0}); make it the database's owner, or grant it CREATE and USAGE on the schema"
    )]
    NotPermitted(String),
    /// The server's disk is full.
    #[error("the server's disk is full; make room on it")]
    DiskFull,
    /// The database was written by another version of the program.
    #[error("it was written by another version of this program ({0}); start that version")]
    OtherVersion(String),
    /// A row makes no sense.
    #[error("a row makes no sense: {0}; look whether the database was edited by hand")]
    Damaged(String),
    /// Another server wrote the same rows at the same time.
    #[error("others write the same rows ({0})")]
    Conflict(String),
    /// A constraint forbids what was to be written.
    #[error("a constraint is violated ({0})")]
    Constraint(String),
    /// The store has been closed.
    #[error("it is closed")]
    Closed,
    /// Something else failed.
    #[error("{0}")]
    Other(String),
}

impl PostgresFailure {
    /// The failure of a statement. `statement_timeout` is how long it may take.
    pub(super) fn of_statement(error: &sqlx::Error, statement_timeout: Duration) -> Self {
        match error {
            sqlx::Error::Database(error) => Self::of_answer(&**error, statement_timeout),
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => Self::ConnectionLost(error.to_string()),
            sqlx::Error::ColumnDecode { index, .. } => Self::Damaged(format!("its column {index} cannot be read")),
            sqlx::Error::Decode(_) => Self::Damaged("it cannot be read".to_owned()),
            sqlx::Error::RowNotFound => Self::Damaged("it is missing".to_owned()),
            other => Self::Other(other.to_string()),
        }
    }

    /// The failure to connect.
    pub(super) fn of_connecting(error: &sqlx::Error, statement_timeout: Duration) -> Self {
        match error {
            sqlx::Error::Database(error) => Self::of_answer(&**error, statement_timeout),
            sqlx::Error::Tls(reason) => Self::Tls(reason.to_string()),
            // A refused certificate comes as an I/O error from inside the handshake.
            sqlx::Error::Io(reason)
                if reason.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>) =>
            {
                Self::Tls(reason.to_string())
            }
            other => Self::Unreachable(other.to_string()),
        }
    }

    /// The failure that an answer of the server's tells (PostgreSQL, appendix A).
    fn of_answer(error: &dyn DatabaseError, statement_timeout: Duration) -> Self {
        let (code, message) = (error.code().unwrap_or_default(), error.message());
        match &*code {
            "28000" | "28P01" => Self::Credentials(message.to_owned()),
            "3D000" => Self::NoDatabase,
            "25006" => Self::ReadOnly,
            "53300" => Self::TooManyConnections,
            "53100" => Self::DiskFull,
            "57014" | "55P03" => Self::StatementTimedOut(statement_timeout),
            "57P01" | "57P02" | "57P03" | "57P05" => Self::Restarting,
            "42501" => Self::NotPermitted(message.to_owned()),
            "40001" | "40P01" => Self::Conflict(message.to_owned()),
            // PgBouncer has one code for everything.
            "08P01" if message.contains("startup parameter") || message.contains("prepared statement") => {
                Self::Pooler(message.to_owned())
            }
            "26000" | "42P05" => Self::Pooler(message.to_owned()),
            "08P01" if message.contains("password") || message.contains("auth") => Self::Credentials(message.to_owned()),
            "08P01" if message.contains("no such database") => Self::NoDatabase,
            "08P01" if message.contains("read-only") => Self::ReadOnly,
            _ if code.starts_with("08") || code.starts_with("57") || code.starts_with("25") => {
                Self::ConnectionLost(message.to_owned())
            }
            // Messages of this class show values.
            _ if code.starts_with("22") => Self::Other(format!("a value is refused (SQLSTATE {code})")),
            _ if code.starts_with("23") => Self::Constraint(message.to_owned()),
            _ => Self::Other(format!("{message} (SQLSTATE {code})")),
        }
    }

    /// Whether the database cannot be asked for now.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::ConnectTimedOut(_)
            | Self::Restarting
            | Self::Credentials(_)
            | Self::NoDatabase
            | Self::Tls(_)
            | Self::Pooler(_)
            | Self::ReadOnly
            | Self::TooManyConnections
            | Self::StatementTimedOut(_)
            | Self::ConnectionLost(_)
            | Self::DiskFull => true,
            // The database is there: who was signed out must not stay in because this server has much to do.
            Self::PoolExhausted(_)
            | Self::NotPermitted(_)
            | Self::OtherVersion(_)
            | Self::Damaged(_)
            | Self::Conflict(_)
            | Self::Constraint(_)
            | Self::Closed
            | Self::Other(_) => false,
        }
    }

    /// Whether a connection turned out to lead to nowhere, or to a server that is not the primary any more.
    pub(super) fn is_of_connection(&self) -> bool {
        matches!(self, Self::ConnectionLost(_) | Self::Restarting | Self::ReadOnly)
    }
}
