use std::time::Duration;

use crate::config::SessionSettings;
use crate::domain::{Client, Person, SessionId, Timestamp};

/// Somebody's being signed in, in one browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its name in logs and lists.
    pub id: SessionId,
    /// Who it is, as the directory described them at sign-in.
    pub person: Person,
    /// When they signed in.
    pub created_at: Timestamp,
    /// When they last did something, to about a minute.
    pub last_seen_at: Timestamp,
    /// When it ends if nothing more is done.
    pub idle_end: Timestamp,
    /// When it ends whatever is done.
    pub absolute_end: Timestamp,
    /// Where they signed in from.
    pub client: Client,
}

impl Session {
    /// The moment from which it is no longer good, if nothing more is done.
    pub fn end(&self) -> Timestamp {
        self.idle_end.min(self.absolute_end)
    }
}

/// How long sessions last. Both ends are reckoned from the settings of now, so that a shorter setting holds for the
/// sessions already there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetimes {
    pub(super) idle: Duration,
    pub(super) absolute: Duration,
}

impl Lifetimes {
    pub(super) fn new(settings: &SessionSettings) -> Self {
        Self { idle: settings.idle, absolute: settings.absolute }
    }

    /// The first moment at which a session made and last used then is no longer good.
    pub(super) fn end(self, created_at: Timestamp, last_seen_at: Timestamp) -> Timestamp {
        (created_at + self.absolute).min(last_seen_at + self.idle)
    }
}

/// A session's row, before its person is read.
#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: i64,
    /// Bytes, since a damaged row may hold anything: it must not keep the rows beside it from being read.
    person: Vec<u8>,
    created_at: i64,
    last_seen_at: i64,
    address: Option<String>,
    user_agent: Option<String>,
}

impl Row {
    pub(super) fn id(&self) -> SessionId {
        SessionId::new(self.id)
    }

    /// The session, or what about the row cannot be read.
    pub(super) fn session(self, lifetimes: Lifetimes) -> Result<Session, String> {
        let person = serde_json::from_slice(&self.person)
            .map_err(|error| format!("the person of session {} cannot be read: {error}", self.id))?;
        let address = self
            .address
            .map(|text| text.parse().map_err(|_| format!("the address of session {} is not an address", self.id)))
            .transpose()?;
        let created_at = Timestamp::from_millis(self.created_at);
        let last_seen_at = Timestamp::from_millis(self.last_seen_at);
        Ok(Session {
            id: SessionId::new(self.id),
            person,
            created_at,
            last_seen_at,
            idle_end: last_seen_at + lifetimes.idle,
            absolute_end: created_at + lifetimes.absolute,
            client: Client::new(address, self.user_agent.as_deref()),
        })
    }
}
