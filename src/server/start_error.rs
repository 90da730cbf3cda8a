use std::path::PathBuf;

use rocket::figment::error::Error as FigmentError;

use crate::config::Diagnostics;
use crate::directory::SetUpError;
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
    /// A store of ours cannot be opened.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Another server runs on the same state folder.
    #[error(
        "another server runs with the state folder {}; stop it first, or set another `state` (BELVEDERE_STATE) for this one",
        .0.display()
    )]
    StateInUse(PathBuf),
    /// The file that says whose the state folder is cannot be made.
    #[error("the file {} cannot be locked: {}; see to it that the server may write in its state folder", .0.display(), .1)]
    StateLock(PathBuf, std::io::Error),
    /// The server cannot be started: the port is taken, say.
    #[error("{}", launch_error(.0))]
    Launch(#[from] Box<rocket::Error>),
}

impl From<FigmentError> for StartError {
    fn from(error: FigmentError) -> Self {
        Self::Rocket(Box::new(error))
    }
}

fn launch_error(error: &rocket::Error) -> String {
    match error.kind() {
        rocket::error::ErrorKind::Bind(cause) => {
            format!("the port cannot be opened: {cause}; set another `port` (ROCKET_PORT) or stop what uses it")
        }
        kind => format!("the server cannot be started: {kind}"),
    }
}
