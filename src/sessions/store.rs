use std::net::IpAddr;

use async_trait::async_trait;

use super::{Reauthentication, Session, SessionRecord};
use crate::domain::{PersonEpoch, PersonId, SessionId, Timestamp};
use crate::store::{CredentialStore, StoreError};

/// A session to be inserted.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The hash of its token.
    pub token_hash: [u8; 32],
    /// The session.
    pub session: Session,
    /// The epoch in which its person was authenticated.
    pub epoch: PersonEpoch,
}

/// A filter for lists of sessions: those for which all fields that are set match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// A part of the person's account name, sign-in name or display name.
    pub name: Option<String>,
    /// The address they signed in from.
    pub address: Option<IpAddr>,
}

/// Where sessions are kept: what they have beyond other credentials. Every method is one statement, see [`CredentialStore`].
#[async_trait]
pub trait SessionStore: CredentialStore<SessionRecord> {
    /// Inserts all of these, or none.
    async fn insert(&self, sessions: &[NewSession]) -> Result<(), StoreError>;

    /// Notes that a session was used at `at`, unless a later use is noted: requests of one browser come together.
    async fn note_use(&self, id: SessionId, at: Timestamp) -> Result<(), StoreError>;

    /// Replaces the token of a session of this person, who has re-authenticated at `at`. `None` when none of theirs has the
    /// old token: of two who replace it, one does.
    async fn replace_token(
        &self,
        old_hash: &[u8; 32],
        new_hash: &[u8; 32],
        person: &PersonId,
        reauthentication: Reauthentication,
        at: Timestamp,
    ) -> Result<Option<SessionRecord>, StoreError>;

    /// Sessions that match the filter and have not ended, by their ids downward from below `after`: at most `limit`.
    async fn list(
        &self,
        filter: &SessionFilter,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<SessionRecord>, StoreError>;

    /// The number of sessions that have not ended.
    async fn count(&self) -> Result<u64, StoreError>;

    /// Revokes the oldest sessions of everybody who has more than `most`, and returns them.
    async fn revoke_surplus(&self, most: i64, at: Timestamp) -> Result<Vec<SessionRecord>, StoreError>;
}
