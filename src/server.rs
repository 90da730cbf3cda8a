//! Builds the rooms, wires them, serves.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use figment::Figment;
use rocket::fairing::AdHoc;
use rocket::{Build, Rocket};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::audit::Audit;
use crate::auth::{Auth, FormKeys};
use crate::config::{self, Faults, Settings};
use crate::directory::{Directory, LdapDirectory, Readiness};
use crate::domain::Clock;
use crate::live::{Feeds, Hub};
use crate::pages::{Shelf, Watcher};
use crate::sessions::Sessions;
use crate::sources::Sources;
use crate::web::{self, Assets, Rooms, Transport};

/// How often sessions that have run out are swept from the store.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// Why the server does not start. Each text names the place and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something is wrong in the settings.
    #[error("{0}")]
    Settings(#[from] Faults),
    /// The directory client cannot be built.
    #[error("{0}")]
    Directory(#[from] crate::directory::SetupError),
    /// A source cannot be opened.
    #[error("{0}")]
    Source(#[from] crate::sources::SourceFault),
    /// The session store cannot be opened.
    #[error("{0}")]
    Sessions(#[from] crate::sessions::StoreError),
}
