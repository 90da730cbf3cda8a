use std::io;
use std::path::PathBuf;

use rocket::error::ErrorKind;
use rocket::figment::error::Error as FigmentError;

use crate::bus::BusError;
use crate::config::Diagnostics;
use crate::directory::SetUpError;
use crate::nodes::RegisterError;
use crate::sources::SourceOpenError;
use crate::store::StoreError;
use crate::telemetry::InvalidLogFilter;

/// Why the server does not start, or did not go on. Each text names the place and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something is wrong in the settings.
    #[error("{0}")]
    Settings(#[from] Diagnostics),
    /// Something is wrong in Rocket's own settings.
    #[error("{0}")]
    Rocket(Box<FigmentError>),
    /// The log cannot be started as the settings say.
    #[error("{0}")]
    Log(#[from] InvalidLogFilter),
    /// The directory client cannot be built.
    #[error("{0}")]
    Directory(#[from] SetUpError),
    /// A source cannot be opened.
    #[error("{0}")]
    Source(#[from] SourceOpenError),
    /// The bus between nodes cannot be used as the settings say.
    #[error("`live.bus` cannot be used: {0}")]
    Bus(#[from] BusError),
    /// A store of ours cannot be opened.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// This server cannot be one of the nodes of its database.
    #[error("{0}")]
    Node(RegisterError),
    /// Another server runs on the same state folder.
    #[error(
        "another server runs with the state folder {}; stop it first, or set another `state` (BELVEDERE_STATE) for this one",
        .0.display()
    )]
    StateInUse(PathBuf),
    /// The store is being moved, or its move was interrupted: the target of it.
    #[error(
        "what must last is being moved: wait for the end of `belvedere move-store --to {0}`, or start it again if it was \
         interrupted; to give it up, empty what it was to fill, delete the file `move_store` in the state folder, and execute \
         `DELETE FROM store_moves` in the database"
    )]
    IncompleteStore(&'static str),
    /// The file that says whose the state folder is cannot be made.
    #[error("the file {} cannot be locked: {}; see to it that the server may write in its state folder", .0.display(), .1)]
    StateLock(PathBuf, io::Error),
    /// The server cannot be started: the port is taken, say.
    #[error("{}", launch_error(.0))]
    Launch(#[from] Box<rocket::Error>),
}

impl From<FigmentError> for StartError {
    fn from(error: FigmentError) -> Self {
        Self::Rocket(Box::new(error))
    }
}

/// The text of an error of Rocket's at the start.
fn launch_error(error: &rocket::Error) -> String {
    match error.kind() {
        ErrorKind::Bind(cause) => bind_error(cause),
        kind => format!("the server cannot be started: {kind}"),
    }
}

/// Rocket has one kind of error for sockets and for certificates.
fn bind_error(cause: &io::Error) -> String {
    let remedy = match cause.kind() {
        io::ErrorKind::AddrInUse => "set another `port` (ROCKET_PORT) or stop what uses it",
        io::ErrorKind::PermissionDenied => {
            "set a `port` (ROCKET_PORT) from 1024 on, or let the service bind lower ones (CAP_NET_BIND_SERVICE)"
        }
        io::ErrorKind::AddrNotAvailable => {
            "set `address` (ROCKET_ADDRESS) to an address of this machine, or to 0.0.0.0 for all"
        }
        _ => return format!("the server cannot listen: {cause}; see [default.tls] and `address` in the settings"),
    };
    format!("the port cannot be opened: {cause}; {remedy}")
}
