use std::fmt;

use uuid::Uuid;

use crate::store::{StoreError, random_uuid};

/// The id of a node: random, and another after each start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct NodeId(Uuid);

impl NodeId {
    /// A new id.
    ///
    /// # Errors
    /// [`StoreError`] when the system has no randomness to give.
    pub fn generate() -> Result<Self, StoreError> {
        random_uuid().map(Self)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
/// The description of a node, which never changes while it runs.
#[derive(Clone, Debug)]
pub struct NodeDescription {
    /// Its id.
    pub id: NodeId,
    /// The name of its machine.
    pub name: String,
    /// The program's version.
    pub version: &'static str,
    /// The fingerprint of its secret key: the nodes of one database have the same.
    pub key_fingerprint: String,
}

/// The status of a node, as it tells it with each heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeStatus {
    /// The fingerprint of its pages.
    pub pages: String,
    /// How late the last news came, in milliseconds; `None` where there was none yet.
    pub news_lag: Option<i64>,
}

/// A node as the database has it. Times are the database's.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct NodeReport {
    /// Its id.
    pub id: NodeId,
    /// The name of its machine.
    pub name: String,
    /// The program's version.
    pub version: String,
    /// The fingerprint of its pages.
    pub pages: String,
    /// How late the last news came to it, in milliseconds.
    pub news_lag: Option<i64>,
    /// How far its clock is ahead of the database's, in milliseconds.
    pub clock_ahead: i64,
    /// How long it has been running, in milliseconds.
    pub uptime: i64,
    /// How long ago it was heard of, in milliseconds.
    pub silence: i64,
}

impl NodeReport {
    /// How long a node may be silent, in milliseconds, until it counts as gone: a few heartbeats, and longer than its leases last.
    const MAX_SILENCE: i64 = 10_000;

    /// Whether it has been heard of lately.
    pub fn is_alive(&self) -> bool {
        self.silence < Self::MAX_SILENCE
    }
}

/// Why a node cannot join the others.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RegisterError {
    /// The nodes that are there have another secret key.
    #[error(
        "this server has another secret key than the node {node} of the same database: give all of them the same `secret_key` \
         (ROCKET_SECRET_KEY), or the file `secret_key` of one state folder; a key is changed while no node runs"
    )]
    OtherSecretKey {
        /// The name of one of them.
        node: String,
    },
    /// The database cannot be asked.
    #[error("{0}")]
    Store(#[from] StoreError),
}
