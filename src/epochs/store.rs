use async_trait::async_trait;

use super::RevocationEvent;
use super::password::{KnownPassword, ObservedPassword};
use crate::domain::{PersonEpoch, PersonId, SessionId, Timestamp};
use crate::store::StoreError;

/// The people whom a bump is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevokedPeople {
    /// One person.
    One(PersonId),
    /// Everybody.
    Everybody,
}

impl RevokedPeople {
    /// The id that a store keeps: empty for everybody.
    pub(super) fn as_stored(&self) -> &str {
        match self {
            Self::One(person) => person.as_str(),
            Self::Everybody => "",
        }
    }

    fn from_stored(id: &str) -> Self {
        if id.is_empty() { Self::Everybody } else { Self::One(PersonId::new(id)) }
    }
}

/// A bump to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBump {
    /// Whom it is about.
    pub people: RevokedPeople,
    /// The event.
    pub event: RevocationEvent,
    /// The session in which it was made, which goes on.
    pub kept: Option<SessionId>,
}

/// A bump: the beginning of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bump {
    /// The epoch that it began.
    pub epoch: PersonEpoch,
    /// Whom it is about, and why.
    pub new: NewBump,
}

/// A bump's row.
#[derive(sqlx::FromRow)]
pub(super) struct BumpRow {
    person_id: String,
    event: String,
    epoch: PersonEpoch,
    kept: Option<SessionId>,
}

impl From<BumpRow> for Bump {
    fn from(row: BumpRow) -> Self {
        let (people, event) = (RevokedPeople::from_stored(&row.person_id), RevocationEvent::from_stored(&row.event));
        Self { epoch: row.epoch, new: NewBump { people, event, kept: row.kept } }
    }
}

/// The outcome of recording what a directory tells of somebody's password.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PasswordRecord {
    /// The bump, where it is another password than was known.
    pub bump: Option<Bump>,
    /// The epoch that the password began, whoever saw it first; the default where it is not the latest, or the only one known.
    pub began: PersonEpoch,
}

/// Where bumps are kept: of each person the last by each event. Every method is one statement or one transaction, so that several
/// processes may call it at the same time, and bumps are visible in the order of their epochs.
///
/// Every method fails with a [`StoreError`] when the store cannot be asked: that says nothing about a proof.
#[async_trait]
pub trait EpochStore: Send + Sync {
    /// The current epoch, whoever began it.
    async fn current(&self) -> Result<PersonEpoch, StoreError>;

    /// Begins a new epoch by a bump, and returns it.
    async fn bump(&self, new: &NewBump, at: Timestamp) -> Result<PersonEpoch, StoreError>;

    /// The bumps that began epochs after this one, in their order.
    async fn bumps_after(&self, epoch: PersonEpoch) -> Result<Vec<Bump>, StoreError>;

    /// The last epoch whose bump has been applied to sessions and API tokens.
    async fn applied(&self) -> Result<PersonEpoch, StoreError>;

    /// Notes that all bumps up to this epoch have been applied.
    async fn set_applied(&self, epoch: PersonEpoch) -> Result<(), StoreError>;

    /// The password of a person that is known; `None` where none is.
    async fn known_password(&self, person: &PersonId) -> Result<Option<KnownPassword>, StoreError>;

    /// Inserts a person's first password. Nothing happens where one is known.
    async fn insert_password(&self, person: &PersonId, first: ObservedPassword) -> Result<(), StoreError>;

    /// Replaces the known password of the one person whom the bump `new` is about, and makes that bump; `None` where it is not
    /// another, as somebody else has just done so.
    async fn replace_password(
        &self,
        new: &NewBump,
        observed: ObservedPassword,
        at: Timestamp,
    ) -> Result<Option<PersonEpoch>, StoreError>;

    /// Deletes bumps that were made at `until` or before and have been applied.
    async fn delete_bumps(&self, until: Timestamp) -> Result<(), StoreError>;

    /// Closes the store: every later call fails.
    async fn close(&self);
}
