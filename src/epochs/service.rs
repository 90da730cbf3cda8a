use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use sqlx::migrate::Migrator;

use super::known_bumps::KnownBumps;
use super::password::{KnownPassword, ObservedPassword};
use super::postgres::PostgresEpochs;
use super::sqlite::SqliteEpochs;
use super::store::{Bump, EpochStore, NewBump, PasswordRecord, RevokedPeople};
use super::{EpochWatch, ProofKind, RevocationEvent};
use crate::domain::{Clock, PersonEpoch, PersonId, SessionId};
use crate::store::{PostgresDatabase, PostgresStore, SqliteStore, StoreError, StoreKind};

/// The migrations from an empty file to today's tables, embedded in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("src/epochs/migrations");

const KIND: StoreKind = StoreKind { name: "store of epochs", if_recreated: "what passwords alone have proved begins anew" };

/// How long a bump is kept once sessions and API tokens have ended by it: longer than anything lasts that carries its epoch and
/// has no row (an hour, `jwt.lifetime` and `sessions.refresh` at most a day).
const RETENTION: Duration = Duration::from_hours(48);

/// The most people whose password's state is at hand without a question to the store: those who sign in within hours, in a few
/// megabytes.
const PASSWORDS_AT_HAND: usize = 20_000;

/// The epochs of all people. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct PersonEpochs {
    inner: Arc<EpochsInner>,
}

struct EpochsInner {
    store: Box<dyn EpochStore>,
    clock: Arc<dyn Clock>,
    known: Arc<KnownBumps>,
    /// The passwords as the store last had them. What is found here may have been replaced by another process since: it answers only
    /// what a directory tells just so.
    passwords: Cache<PersonId, KnownPassword>,
}

impl PersonEpochs {
    /// The epochs in the SQLite file `path`, created with mode 0600 when there is none. Its folder must exist.
    ///
    /// # Errors
    /// A [`StoreError`] that names the file and the remedy, when it cannot be opened or is damaged.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let store = SqliteEpochs::new(SqliteStore::open(path, KIND, &MIGRATIONS).await?, clock.now()).await?;
        Self::new(Box::new(store), clock).await
    }

    /// The epochs in a PostgreSQL database.
    ///
    /// # Errors
    /// A [`StoreError`] that names the database and the remedy, when it cannot be used.
    pub async fn open_postgres(database: &PostgresDatabase, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let store = PostgresStore::open(database, KIND, "epochs", sqlx::migrate!("src/epochs/migrations_postgres")).await?;
        Self::new(Box::new(PostgresEpochs::new(store, clock.now()).await?), clock).await
    }

    /// The epochs in a store.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn new(store: Box<dyn EpochStore>, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let read_until = store.current().await?;
        let known = KnownBumps::new(store.bumps_after(PersonEpoch::default()).await?, read_until);
        let passwords = Cache::new(PASSWORDS_AT_HAND);
        Ok(Self { inner: Arc::new(EpochsInner { store, clock, known: Arc::new(known), passwords }) })
    }

    /// The current epoch: to be noted *before* a proof is verified, so that what changes meanwhile ends it. The store is asked, as
    /// another process may have bumped somebody a moment ago.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be asked.
    pub async fn current(&self) -> Result<PersonEpoch, StoreError> {
        self.inner.store.current().await
    }

    /// Bumps a person, or everybody: what was proved before has ended, as far as `event` ends it; but for the session `kept`.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written: nothing has ended then.
    pub async fn bump(
        &self,
        people: RevokedPeople,
        event: RevocationEvent,
        kept: Option<SessionId>,
    ) -> Result<Bump, StoreError> {
        let new = NewBump { people, event, kept };
        let epoch = self.inner.store.bump(&new, self.inner.clock.now()).await?;
        let bump = Bump { epoch, new };
        self.inner.known.insert(&bump);
        Ok(bump)
    }

    /// Records what a directory tells of a person's password, and bumps them where it is another than was known. Where it tells
    /// nothing (`None`), the password is one that was set by now: the first that it tells is another only if it is later.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked or written: nothing has ended then, and it is to be recorded again.
    pub async fn record_password(
        &self,
        person: &PersonId,
        observed: Option<ObservedPassword>,
    ) -> Result<PasswordRecord, StoreError> {
        let EpochsInner { store, clock, known, passwords } = &*self.inner;
        if let Some(at_hand) = passwords.get(person)
            // A time never comes back once it was replaced; that the password must be changed does.
            && observed.is_none_or(|observed| observed != ObservedPassword::MustChange && at_hand.is(observed))
        {
            let began = observed.map(|_| at_hand.epoch).unwrap_or_default();
            return Ok(PasswordRecord { bump: None, began });
        }
        let Some(before) = store.known_password(person).await? else {
            let first = observed.unwrap_or_else(|| ObservedPassword::SetAt(clock.now()));
            store.insert_password(person, first).await?;
            return Ok(PasswordRecord::default());
        };
        passwords.insert(person.clone(), before);
        let Some(observed) = observed else { return Ok(PasswordRecord::default()) };
        if !before.is_replaced_by(observed) {
            let began = if before.is(observed) { before.epoch } else { PersonEpoch::default() };
            return Ok(PasswordRecord { bump: None, began });
        }
        let people = RevokedPeople::One(person.clone());
        let new = NewBump { people, event: RevocationEvent::PasswordChanged, kept: None };
        let Some(epoch) = store.replace_password(&new, observed, clock.now()).await? else {
            let now = store.known_password(person).await?.filter(|now| now.is(observed));
            return Ok(PasswordRecord { bump: None, began: now.map(|now| now.epoch).unwrap_or_default() });
        };
        let bump = Bump { epoch, new };
        known.insert(&bump);
        Ok(PasswordRecord { bump: Some(bump), began: epoch })
    }

    /// The epoch of a proof by a password, noted as `noted` before it was verified: the one that this very password began, if that is
    /// later and nothing else ended what the person had proved meanwhile.
    pub fn epoch_of_password(&self, person: &PersonId, noted: PersonEpoch, began: PersonEpoch) -> PersonEpoch {
        let other = self.inner.known.has_other(person, noted, RevocationEvent::PasswordChanged);
        if other { noted } else { noted.max(began) }
    }

    /// Reads the bumps of other processes, and returns them.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn poll(&self) -> Result<Vec<Bump>, StoreError> {
        let read = self.inner.store.bumps_after(self.inner.known.read_until()).await?;
        Ok(self.inner.known.insert_read(read))
    }

    /// The epoch up to which the store was read.
    pub fn read_until(&self) -> PersonEpoch {
        self.inner.known.read_until()
    }

    /// Whether a proof of this kind, which `person` made in the epoch `made_in`, has ended since.
    pub fn has_ended(&self, person: &PersonId, proof: ProofKind, made_in: PersonEpoch) -> bool {
        self.inner.known.has_ended(person, proof, made_in)
    }

    /// Follows a proof without a row of its own, for its end.
    pub fn watch(&self, person: &PersonId, proof: ProofKind, made_in: PersonEpoch) -> EpochWatch {
        EpochWatch::new(Arc::clone(&self.inner.known), person.clone(), proof, made_in)
    }

    /// The bumps that have not been applied to sessions and API tokens, as of a command line beside a server that was down.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn unapplied(&self) -> Result<Vec<Bump>, StoreError> {
        self.inner.store.bumps_after(self.inner.store.applied().await?).await
    }

    /// Notes that all bumps up to this one have been applied, and forgets those of long ago.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written: they are applied once more then, which ends nothing more.
    pub async fn set_applied(&self, epoch: PersonEpoch) -> Result<(), StoreError> {
        self.inner.store.set_applied(epoch).await?;
        self.inner.store.delete_bumps(self.inner.clock.now() - RETENTION).await
    }

    /// Closes the store, when the program stops. Everything later fails.
    pub async fn close(&self) {
        self.inner.store.close().await;
    }
}
