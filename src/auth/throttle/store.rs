use std::time::Duration;

use async_trait::async_trait;

use super::account_key::{AccountKey, NameKey, PersonKey};
use super::known_people::{KnownName, KnownPerson};
use super::place::Place;
use crate::domain::Timestamp;
use crate::store::StoreError;

/// Something that the throttle has to remember over a restart.
#[derive(Clone, Debug, PartialEq)]
pub enum ThrottleChange {
    /// A name is somebody's.
    Name(KnownName),
    /// Somebody has signed in.
    Person(KnownPerson),
    /// The failures of an account, in place of those before; none when they were forgotten.
    Failures {
        /// Whose.
        account: AccountKey,
        /// When each was, oldest first, and from what place.
        failures: Vec<(Timestamp, Place)>,
        /// The time after the last one when they are forgotten.
        window: Duration,
    },
}

/// Everything that the throttle remembers.
#[derive(Clone, Debug, Default)]
pub struct ThrottleMemory {
    /// As they were written down, oldest first.
    pub changes: Vec<ThrottleChange>,
    /// The number of the last release.
    pub last_release: i64,
}

/// Where failed attempts, and whose name is whose, are kept over a restart, and where other processes release somebody. Names
/// and people are in it by keyed hashes alone. Passwords are not: what was typed wrong is nearly what is right.
///
/// Every method fails with a [`StoreError`] when the store cannot be asked.
#[async_trait]
pub trait ThrottleStore: Send + Sync {
    /// Reads everything that still holds at `now`.
    async fn load(&self, now: Timestamp) -> Result<ThrottleMemory, StoreError>;

    /// Writes changes down, in one transaction.
    async fn save(&self, changes: Vec<ThrottleChange>) -> Result<(), StoreError>;

    /// The people whom these names are of, and which of the accounts have failures that hold at `now`.
    async fn accounts_of(&self, names: [NameKey; 2], now: Timestamp) -> Result<(Vec<PersonKey>, Vec<AccountKey>), StoreError>;

    /// Forgets the failures of these accounts, and tells every process that counts them.
    async fn release(&self, accounts: &[AccountKey], at: Timestamp) -> Result<(), StoreError>;

    /// The accounts that were released after the release number `last`, and the number of the last one.
    async fn released_after(&self, last: i64) -> Result<(Vec<AccountKey>, i64), StoreError>;

    /// Deletes what holds no more at `now`.
    async fn sweep(&self, now: Timestamp) -> Result<(), StoreError>;

    /// Closes the store: every later call fails.
    async fn close(&self);
}
