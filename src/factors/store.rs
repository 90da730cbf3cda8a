use async_trait::async_trait;

use super::attempts::AttemptCount;
use super::{EnrolledFactors, FactorOwner, PasskeyId};
use crate::domain::{Person, PersonId, Timestamp};
use crate::store::StoreError;

/// A passkey's public part, by which responses are verified. The states are as `webauthn_rp` encodes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyRecord {
    /// The id that its authenticator gave it.
    pub credential_id: Vec<u8>,
    /// The part that never changes, with the public key.
    pub static_state: Vec<u8>,
    /// The part that changes with each use.
    pub dynamic_state: Vec<u8>,
    /// How it can be reached.
    pub transports: i64,
}

/// A passkey that was found for a response, and its owner.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct FoundPasskey {
    /// Its id.
    pub id: PasskeyId,
    /// [`PasskeyRecord::static_state`].
    pub static_state: Vec<u8>,
    /// [`PasskeyRecord::dynamic_state`].
    pub dynamic_state: Vec<u8>,
    /// Its owner as they were last described: JSON.
    pub person: String,
}

/// A row of [`FactorStore::owners`].
#[derive(sqlx::FromRow)]
pub(super) struct OwnerRow {
    person_id: String,
    name: String,
    app: bool,
    passkeys: i64,
    recovery_codes: i64,
}

impl From<OwnerRow> for FactorOwner {
    fn from(row: OwnerRow) -> Self {
        let count = |count: i64| usize::try_from(count).unwrap_or_default();
        Self {
            person: PersonId::new(row.person_id),
            name: row.name,
            app: row.app,
            passkeys: count(row.passkeys),
            recovery_codes: count(row.recovery_codes),
        }
    }
}

/// Where second factors are kept. Every method is one statement or one transaction, so that several servers may call it at
/// the same time: what can be used once is used by one of them.
///
/// Every method fails with a [`StoreError`] when the store cannot be asked: that is never "none".
#[async_trait]
pub trait FactorStore: Send + Sync {
    /// Inserts somebody with this user handle, or describes them anew and leaves the handle they have.
    async fn upsert_person(&self, person: &Person, handle: &[u8; 64]) -> Result<(), StoreError>;

    /// Somebody as they were last described, and the user handle of their passkeys (WebAuthn, 5.4.3).
    async fn person(&self, person: &PersonId) -> Result<Option<(Person, [u8; 64])>, StoreError>;

    /// Records a change, in words for the owner.
    async fn record_change(&self, person: &PersonId, words: &str, at: Timestamp) -> Result<(), StoreError>;

    /// Whether somebody has an app or a passkey, whichever process wrote it down.
    async fn has_any(&self, person: &PersonId) -> Result<bool, StoreError>;

    /// The factors of somebody.
    async fn enrolled(&self, person: &PersonId) -> Result<EnrolledFactors, StoreError>;

    /// The people who have a factor and whose name begins with `name`, in lower case; at most `most`, by name.
    async fn owners(&self, name: &str, most: usize) -> Result<Vec<FactorOwner>, StoreError>;

    /// Removes all factors of somebody, recovery codes and the count of failed attempts too. `false` when there were none.
    async fn remove_all(&self, person: &PersonId) -> Result<bool, StoreError>;

    /// Counts one attempt of somebody as failed in all these counts, unless one of them makes wait: so many at once get no more
    /// than there are. The end of the wait where there is one; `None` where they have no row.
    async fn take_attempt(
        &self,
        person: &PersonId,
        counts: &[AttemptCount],
        now: Timestamp,
    ) -> Result<Option<Result<(), Timestamp>>, StoreError>;

    /// Takes a failed attempt back, as the code was right: the place's own count begins anew, and a shared one has one less.
    async fn forgive_attempt(&self, person: &PersonId, counts: &[AttemptCount]) -> Result<(), StoreError>;

    /// Sets somebody's app, in place of the one before: its sealed seed, and the step of the code that confirmed it.
    async fn set_app(&self, person: &PersonId, sealed_seed: &[u8], step: i64, at: Timestamp) -> Result<(), StoreError>;

    /// The sealed seed of somebody's app, and the step of the last code that was taken.
    async fn app(&self, person: &PersonId) -> Result<Option<(Vec<u8>, i64)>, StoreError>;

    /// Takes the code of a step, and none of it or from before it again: of two who type one at the same time, one gets `true`.
    async fn take_step(&self, person: &PersonId, step: i64, at: Timestamp) -> Result<bool, StoreError>;

    /// Removes somebody's app, and their recovery codes where that was their last factor. `false` when there was none.
    async fn remove_app(&self, person: &PersonId) -> Result<bool, StoreError>;

    /// Replaces somebody's recovery codes by those with these hashes.
    async fn set_recovery_codes(&self, person: &PersonId, hashes: &[Vec<u8>]) -> Result<(), StoreError>;

    /// Uses up a recovery code, and says how many are left; `None` when there is no such code of theirs (any more).
    async fn use_recovery_code(&self, person: &PersonId, hash: &[u8]) -> Result<Option<usize>, StoreError>;

    /// Inserts a passkey of somebody; `None` when one with its credential id is anybody's already.
    async fn insert_passkey(
        &self,
        person: &PersonId,
        name: &str,
        passkey: &PasskeyRecord,
        at: Timestamp,
    ) -> Result<Option<PasskeyId>, StoreError>;

    /// The credential ids and transports of somebody's passkeys.
    async fn passkeys(&self, person: &PersonId) -> Result<Vec<(Vec<u8>, i64)>, StoreError>;

    /// The passkey with this credential id, if it is of the owner of this user handle.
    async fn find_passkey(&self, credential_id: &[u8], handle: &[u8]) -> Result<Option<FoundPasskey>, StoreError>;

    /// Notes the use of a passkey, and its state after it.
    async fn note_passkey_use(&self, id: PasskeyId, dynamic_state: &[u8], at: Timestamp) -> Result<(), StoreError>;

    /// Removes one of somebody's passkeys, and their recovery codes where that was their last factor. Its name; `None` when
    /// they have none with that id.
    async fn remove_passkey(&self, person: &PersonId, id: PasskeyId) -> Result<Option<String>, StoreError>;

    /// Marks a challenge as answered, to be remembered until `until`, and forgets those whose time is over. `false` when it
    /// was answered before: of two answers at the same time, one gets `true`.
    async fn answer_challenge(&self, challenge: &[u8; 16], until: Timestamp, now: Timestamp) -> Result<bool, StoreError>;

    /// The error of a row that makes no sense, or an operation that failed, for `reason`.
    fn damaged(&self, reason: &dyn ToString) -> StoreError;

    /// Closes the store: every later call fails.
    async fn close(&self);
}
