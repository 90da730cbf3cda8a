use std::net::IpAddr;
use std::time::Duration;

use sqlx::{QueryBuilder, Sqlite};

use super::AuditStore;
use super::sanitize::sanitize;
use crate::domain::Timestamp;
use crate::store::StoreError;

/// The conditions of a search: events match for which all fields that are set hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditSearch {
    /// The account's whole name, in upper or lower case.
    pub who: Option<String>,
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
    /// When it was.
    #[sqlx(try_from = "i64")]
    pub at: Timestamp,
    /// The event's word.
    pub event: String,
    /// The result's word: `ok`, `refused`, `failed`.
    pub result: String,
    /// The account's name: the directory's own spelling where they are known, else what was typed.
    pub who: Option<String>,
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
}

impl AuditStore {
    /// The events that match, from behind `after` on: at most `limit`, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn search(
        &self,
        search: &AuditSearch,
        after: Option<AuditCursor>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        // An event that was just recorded must be found.
        self.pending_writes().flushed().await;
        search.statement(after, limit).build_query_as().fetch_all(self.pool()).await.map_err(|error| self.query_failed(&error))
    }
}

impl AuditSearch {
    /// The index that serves this search. Each has the order of the list, so that a page is read off it whatever the
    /// store holds. SQLite would have to guess which of several matches the fewest; we know.
    fn index(&self) -> &'static str {
        match self {
            Self { who: Some(_), .. } => "events_by_who",
            Self { address: Some(_), .. } => "events_by_address",
            Self { event: Some(_), .. } => "events_by_event",
            Self { result: Some(_), .. } => "events_by_result",
            _ => "events_by_time",
        }
    }

    fn statement(&self, after: Option<AuditCursor>, limit: usize) -> QueryBuilder<Sqlite> {
        let mut query = QueryBuilder::new(
            "SELECT id, at, event, result, who, person, address, session, token, page, reason, directory_code,
                 factor, user_agent, detail FROM events INDEXED BY ",
        );
        query.push(self.index()).push(" WHERE true");
        // Names are kept as the log has them.
        let texts = [
            (" AND who = ", self.who.as_deref().map(sanitize)),
            (" AND address = ", self.address.map(|address| address.to_canonical().to_string())),
            (" AND event = ", self.event.clone()),
            (" AND result = ", self.result.clone()),
        ];
        for (condition, text) in texts {
            if let Some(text) = text {
                query.push(condition).push_bind(text);
            }
        }
        let until = after.map(|after| after.at + Duration::from_millis(1)).into_iter().chain(self.until).min();
        for (condition, moment) in [(" AND at >= ", self.from), (" AND at < ", until)] {
            if let Some(moment) = moment {
                query.push(condition).push_bind(moment.as_millis());
            }
        }
        if let Some(after) = after {
            query.push(" AND (at < ").push_bind(after.at.as_millis()).push(" OR id < ").push_bind(after.id).push(")");
        }
        query.push(" ORDER BY at DESC, id DESC LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
        query
    }
}

#[cfg(test)]
mod tests;
