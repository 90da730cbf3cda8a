use super::store::NewSession;
use super::{Reauthentication, Session, SessionOptions, SessionToken, Sessions};
use crate::domain::{Client, Person, PersonId, SessionId, Timestamp};
use crate::store::{StoreError, fill_randomly};

/// The start of sessions, and their re-authentication.
impl Sessions {
    /// Begins a session for a person who has just authenticated, with a new token for their browser. The sign-in counts
    /// as the directory's confirmation.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written, or the system has no randomness to give.
    pub async fn begin(
        &self,
        person: &Person,
        client: &Client,
        options: SessionOptions,
    ) -> Result<(SessionToken, Session), StoreError> {
        let token = SessionToken::generate()?;
        let (now, lifetimes) = (self.now(), self.lifetimes());
        let SessionOptions { revalidation, second_factor, stay_signed_in, epoch } = options;
        let stay_signed_in = stay_signed_in && lifetimes.stay_allowed;
        let session = Session {
            id: new_id(now)?,
            person: person.clone(),
            created_at: now,
            last_seen_at: now,
            idle_end: now + lifetimes.idle_for(stay_signed_in),
            absolute_end: now + lifetimes.absolute_for(revalidation, stay_signed_in),
            revalidation,
            confirmed_at: now,
            stale_from: lifetimes.stale_from(revalidation, now),
            client: client.without_device_cookie(),
            authenticated_at: now,
            second_factor_at: second_factor.then_some(now),
            stay_signed_in,
        };
        self.insert_batcher().insert(NewSession { token_hash: token.hash(), session: session.clone(), epoch }).await?;
        Ok((token, session))
    }

    /// Notes that `person` has re-authenticated in the session of `token`, and gives their browser a new token. The old
    /// one is invalid from now on; the session, its end and its live connections stay. `None` when there is no such
    /// session of theirs any more.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written: the old token is still valid then, and nothing was noted.
    pub async fn reauthenticate(
        &self,
        token: &SessionToken,
        person: &PersonId,
        reauthentication: Reauthentication,
    ) -> Result<Option<(SessionToken, Session)>, StoreError> {
        let (fresh, now) = (SessionToken::generate()?, self.now());
        let record = self.store().replace_token(&token.hash(), &fresh.hash(), person, reauthentication, now).await?;
        self.publish_changes(record.as_ref().map(|record| record.id));
        let session = record.map(|record| self.decode(record)).transpose()?;
        Ok(session.filter(|session| self.now() < session.expires_at()).map(|session| (fresh, session)))
    }
}

/// A new id, which no other server gives: a UUIDv7 (RFC 9562, 5.7), so that ids are in the order of sign-ins.
fn new_id(now: Timestamp) -> Result<SessionId, StoreError> {
    let mut random = [0; 10];
    fill_randomly(&mut random)?;
    let millis = u64::try_from(now.as_millis()).unwrap_or_default();
    Ok(SessionId::new(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().as_u128()))
}
