use std::time::Duration;

use sqlx::{Database, Encode, QueryBuilder, Type};

use super::Session;
use super::session::SessionLifetimes;
use crate::domain::{Client, EndReason, Revalidation, SessionId, Timestamp};
use crate::store::CredentialRecord;

/// A session as its store has it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SessionRecord {
    /// Its id.
    pub id: SessionId,
    /// The person as JSON. Bytes, since a damaged row may hold anything: it must not keep the rows beside it from being
    /// read.
    pub person: Vec<u8>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to about a minute.
    pub last_seen_at: Timestamp,
    /// When the person was last confirmed.
    pub confirmed_at: Timestamp,
    /// Whether the directory can be asked about them.
    #[sqlx(rename = "upkeep", try_from = "String")]
    pub revalidation: Revalidation,
    /// Whether they asked to stay signed in.
    #[sqlx(rename = "stays")]
    pub stay_signed_in: bool,
    /// The address they signed in from.
    pub address: Option<String>,
    /// The browser they signed in from.
    pub user_agent: Option<String>,
    /// When they last authenticated with a password or a passkey.
    #[sqlx(rename = "proved_at")]
    pub authenticated_at: Timestamp,
    /// When they last authenticated with a second factor.
    pub second_factor_at: Option<Timestamp>,
    /// The word for why it has ended.
    pub end_reason: Option<String>,
}

impl SessionRecord {
    /// When it ends if it is not used again, and when however much it is used.
    fn ends(&self, lifetimes: SessionLifetimes) -> (Timestamp, Timestamp) {
        let idle_end = self.last_seen_at + lifetimes.idle_for(self.stay_signed_in);
        (idle_end, self.created_at + lifetimes.absolute_for(self.revalidation, self.stay_signed_in))
    }
}

impl CredentialRecord for SessionRecord {
    type Id = SessionId;
    type Credential = Session;
    type Lifetimes = SessionLifetimes;

    const NAME: &'static str = "session";
    const TABLE: &'static str = "sessions";
    const KNOWN_AT: &'static str = "created_at";

    fn push_alive<DB: Database>(query: &mut QueryBuilder<DB>, lifetimes: SessionLifetimes, now: Timestamp)
    where
        Timestamp: for<'q> Encode<'q, DB> + Type<DB>,
    {
        query.push("created_at > CASE WHEN upkeep <> 'refreshed' THEN ").push_bind(now - lifetimes.unrefreshed);
        query.push(" WHEN stays THEN ").push_bind(now - lifetimes.stay);
        query.push(" ELSE ").push_bind(now - lifetimes.absolute);
        query.push(" END AND last_seen_at > CASE WHEN stays THEN ").push_bind(now - lifetimes.idle_for(true));
        query.push(" ELSE ").push_bind(now - lifetimes.idle_for(false)).push(" END");
    }

    fn id(&self) -> SessionId {
        self.id
    }

    fn into_person(self) -> Vec<u8> {
        self.person
    }

    fn end_reason(&self) -> Option<EndReason> {
        self.end_reason.as_deref().map(EndReason::from_stored)
    }

    fn expiry(&self, lifetimes: SessionLifetimes) -> (Timestamp, Option<Timestamp>) {
        let (idle_end, absolute_end) = self.ends(lifetimes);
        (idle_end.min(absolute_end), lifetimes.stale_from(self.revalidation, self.confirmed_at))
    }

    fn outage_grace(lifetimes: SessionLifetimes) -> Duration {
        lifetimes.max_staleness
    }

    fn decode(self, lifetimes: SessionLifetimes) -> Result<Session, String> {
        let person = serde_json::from_slice(&self.person)
            .map_err(|error| format!("the person of session {} cannot be read: {error}", self.id))?;
        let address = self.address.as_deref().map(str::parse).transpose();
        let address = address.map_err(|_| format!("the address of session {} is not an address", self.id))?;
        let (idle_end, absolute_end) = self.ends(lifetimes);
        Ok(Session {
            id: self.id,
            person,
            created_at: self.created_at,
            last_seen_at: self.last_seen_at,
            idle_end,
            absolute_end,
            revalidation: self.revalidation,
            confirmed_at: self.confirmed_at,
            stale_from: lifetimes.stale_from(self.revalidation, self.confirmed_at),
            client: Client::new(address, self.user_agent.as_deref()),
            authenticated_at: self.authenticated_at,
            second_factor_at: self.second_factor_at,
            stay_signed_in: self.stay_signed_in,
        })
    }
}
