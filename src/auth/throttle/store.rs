use std::time::Duration;

use async_trait::async_trait;

use super::account_counters::AccountCounters;
use super::account_key::{AccountKey, NameKey, NameKeys, NetworkKey, PersonKey};
use crate::domain::Timestamp;
use crate::store::StoreError;

/// How long a release is kept for processes that have not heard of it.
pub(super) const RELEASE_KEPT_FOR: Duration = Duration::from_hours(24);

/// The accounts that one step reads and changes.
#[derive(Clone, Debug)]
pub struct AccountScope {
    /// The names, the attempt's first; everybody they may be of is in the scope, too.
    pub(super) names: Vec<NameKeys>,
    /// The key of the attempt's name in the network it comes from.
    pub(super) name_here: NameKey,
    pub(super) persons: Vec<PersonKey>,
    /// The network it comes from.
    pub(super) network: NetworkKey,
    /// Whether no directory has told its lockout policy yet, so that the strictest of anybody's is needed.
    pub(super) needs_policy: bool,
    /// Whether it is of an attempt that was admitted, which goes on or ends, and goes before those that begin.
    pub(super) is_admitted: bool,
}

impl AccountScope {
    /// A name and whose it is, wherever from.
    pub(super) fn of_name(name: NameKeys) -> Self {
        let (name_here, network) = (name.skeleton, NetworkKey(0));
        Self { names: vec![name], name_here, persons: Vec::new(), network, needs_policy: false, is_admitted: false }
    }
}

/// The outcome of a release by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// Whether there were failures that counted.
    pub had_failures: bool,
    /// Whether the name is known to be somebody's.
    pub is_known: bool,
}

/// The decision of a step over the counters of its accounts, which it is given with the time by which they are counted.
pub(super) type Decision<'a> = &'a mut (dyn FnMut(&mut AccountCounters, Timestamp) + Send);

/// Where accounts' attempts are counted, the failed and the pending ones, and where it is kept whose name is whose. Names and
/// people are in it by keyed hashes alone.
///
/// Every method that can fails with a [`StoreError`] when the store cannot be asked.
#[async_trait]
pub trait ThrottleStore: Send + Sync {
    /// Runs `decide` once, as one atomic step, with the counters of the accounts in the scope. When this has returned, what it changed holds for every server that has this store; when this fails, it may hold.
    async fn step(&self, scope: &AccountScope, decide: Decision<'_>) -> Result<(), StoreError>;

    /// Whether other servers count in it as well.
    fn is_shared(&self) -> bool;

    /// Writes down what has changed, if it is not yet; with `all`, also what may wait for others.
    async fn flush(&self, all: bool);

    /// Forgets the failures of the name with these keys, and of everybody it may be of, in every process that has this store.
    async fn release(&self, name: NameKeys) -> Result<Release, StoreError>;

    /// The accounts that were released since this was asked last, by whichever process.
    async fn take_releases(&self) -> Result<Vec<AccountKey>, StoreError>;

    /// Deletes what holds no more.
    async fn sweep(&self) -> Result<(), StoreError>;

    /// Closes the store: every later call fails.
    async fn close(&self);
}
