use std::net::IpAddr;

use crate::domain::Timestamp;

/// The conditions of a search: events match for which all fields that are set hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditSearch {
    /// The account's whole name, with its realm before it where pages write one, in upper or lower case.
    pub who: Option<String>,
    /// The realm's word. What was typed by somebody who had proved nothing has none.
    pub realm: Option<String>,
    /// The event's word.
    pub event: Option<String>,
    /// The result's word.
    pub result: Option<String>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// Not before this moment.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}

/// A cursor for the next page of a search: the position right after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditCursor {
    /// The event's time.
    pub at: Timestamp,
    /// The event's id.
    pub id: i64,
}

/// An event as the store has it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct AuditRecord {
    /// Its id in the store.
    pub id: i64,
    /// When it was, the first time.
    pub at: Timestamp,
    /// How often it was, until `last_at`.
    pub count: i64,
    /// When it was the last time, if it was repeated.
    pub last_at: Option<Timestamp>,
    /// The event's word.
    pub event: String,
    /// The result's word: `ok`, `refused`, `failed`.
    pub result: String,
    /// The account's name with its realm before it, as pages write it; where nobody has proved to be anybody, what was typed.
    pub who: Option<String>,
    /// The realm of somebody who is known; `None` in a row from before realms were recorded, too.
    pub realm: Option<String>,
    /// The account's name in its realm.
    pub account: Option<String>,
    /// The person's stable id.
    pub person: Option<String>,
    /// The client's address.
    pub address: Option<String>,
    /// The session.
    pub session: Option<String>,
    /// The API token.
    pub token: Option<i64>,
    /// The page.
    pub page: Option<String>,
    /// The reason's word.
    pub reason: Option<String>,
    /// The sub-code with which Active Directory says it.
    pub directory_code: Option<String>,
    /// The kind of second factor.
    pub factor: Option<String>,
    /// The browser's `User-Agent`.
    pub user_agent: Option<String>,
    /// Further details.
    pub detail: Option<String>,
}

impl AuditRecord {
    /// The cursor right after it.
    pub fn cursor(&self) -> AuditCursor {
        AuditCursor { at: self.at, id: self.id }
    }

    /// When it was the last time.
    pub fn last_at(&self) -> Timestamp {
        self.last_at.unwrap_or(self.at)
    }
}
