use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use sqlx::AssertSqlSafe;
use tokio::time::timeout;

use super::account_attempts::AccountAttempts;
use super::account_counters::AccountCounters;
use super::account_key::{AccountKey, NameKey, NameKeys, PersonKey};
use super::columns::{
    FailurePair, NameRow, PersonRow, account_of, duration_of, failures_column, known_name, known_person, row_of,
};
use super::known_people::{KNOWN_FOR, KnownName, KnownPerson};
use super::store::{AccountScope, Decision, RELEASE_KEPT_FOR, Release, ThrottleStore};
use super::throttle_change::ThrottleChange;
use super::throttle_file::KIND;
use super::turns::Turns;
use crate::directory::LockoutPolicy;
use crate::domain::{Timestamp, millis_of};
use crate::store::{PostgresDatabase, PostgresStore, PostgresTransaction, StoreError};

/// How long a step may take, with waiting for its turn: as long as a browser waits for earlier attempts to end.
const MAX_STEP_TIME: Duration = Duration::from_secs(10);

/// A time after every attempt's.
const END_OF_TIME: Timestamp = Timestamp::from_millis(i64::MAX);

/// The counters that several servers share, in a PostgreSQL database. A step is a transaction, which locks the accounts that are
/// involved, reads them, decides, and writes what has changed. The time is the database's, since the servers' clocks may differ.
///
/// An attempt that its server did not settle, as it died or lost the database, counts as failed from its time-out on: no try is
/// given back that may have been made.
pub struct PostgresThrottleStore {
    store: PostgresStore,
    /// The number of the last release by hand that has been taken in.
    last_release: AtomicI64,
    /// The number of the last release by hand that was there when an account was last read.
    newest_release: AtomicI64,
    turns: Turns,
    /// The clock in place of the database's.
    #[cfg(test)]
    clock: Option<std::sync::Arc<crate::domain::ManualClock>>,
}

/// The accounts of a step as they were read.
#[derive(Deserialize)]
struct LoadedAccounts {
    now: Timestamp,
    sequence: u64,
    last_release: i64,
    is_familiar_network: bool,
    strictest_policy: (Option<u32>, Option<i64>),
    names: Vec<NameRow>,
    people: Vec<PersonRow>,
    accounts: Vec<AccountRow>,
}

/// An account: its kind and key, its failures as every engine has them, their window, and the attempts as the program has them.
type AccountRow = (i64, i64, Vec<FailurePair>, i64, Option<AccountAttempts>);

/// A step that is under way.
struct OpenStep {
    transaction: PostgresTransaction,
    now: Timestamp,
    counters: AccountCounters,
    /// The people whom the names are of.
    owners: Vec<PersonKey>,
    /// The attempts of the accounts as they are in the database.
    stored: HashMap<AccountKey, AccountAttempts>,
}

impl PostgresThrottleStore {
    /// Opens the tables in the database.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be opened or read.
    pub async fn open(database: &PostgresDatabase) -> Result<Self, StoreError> {
        let migrations = sqlx::migrate!("src/auth/throttle/migrations_postgres");
        let store = PostgresStore::open(database, KIND, "throttle", migrations).await?;
        let newest = sqlx::query_as("SELECT coalesce(max(number), 0) FROM throttle_releases");
        let (newest,): (i64,) = store.fetch_one(newest).await?;
        Ok(Self {
            store,
            last_release: AtomicI64::new(newest),
            newest_release: AtomicI64::new(newest),
            turns: Turns::default(),
            #[cfg(test)]
            clock: None,
        })
    }

    /// Counts by this clock, and not by the database's.
    #[cfg(test)]
    pub(super) fn with_clock(self, clock: &std::sync::Arc<crate::domain::ManualClock>) -> Self {
        Self { clock: Some(std::sync::Arc::clone(clock)), ..self }
    }

    /// Everything that is stored, row by row.
    #[cfg(test)]
    pub(super) async fn dump(&self) -> Vec<String> {
        let rows = sqlx::query_as(
            "SELECT stored::text FROM throttle_failures AS stored UNION ALL SELECT stored::text FROM throttle_names AS stored
             UNION ALL SELECT stored::text FROM throttle_people AS stored",
        );
        let rows: Vec<(String,)> = self.store.fetch_all(rows).await.expect("it is there");
        rows.into_iter().map(|(row,)| row).collect()
    }

    /// The time, where it is not the database's.
    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "tests have a clock"))]
    fn given_time(&self) -> Option<Timestamp> {
        #[cfg(test)]
        return self.clock.as_ref().map(|clock| crate::domain::Clock::now(&**clock));
        #[cfg(not(test))]
        None
    }

    /// Locks and reads the accounts of a scope.
    async fn begin(&self, scope: &AccountScope) -> Result<OpenStep, StoreError> {
        let mut transaction = self.store.begin().await?;
        let skeletons = scope.names.iter().map(|name| name.skeleton);
        let counted: Vec<i64> = skeletons.chain([scope.name_here]).map(|NameKey(key)| key.cast_signed()).collect();
        let names = scope.names.iter().flat_map(|name| [name.typed, name.skeleton]);
        let names: Vec<i64> = names.map(|NameKey(key)| key.cast_signed()).collect();
        let people: Vec<i64> = scope.persons.iter().map(|person| person.0.cast_signed()).collect();
        let load = sqlx::query_as("SELECT throttle_load($1, $2, $3, $4, $5, $6)::text");
        let load = load.bind(counted).bind(names).bind(people).bind(scope.network.0.cast_signed());
        let load = load.bind(scope.needs_policy).bind(self.given_time());
        let (loaded,): (String,) = transaction.fetch_one(load).await?;
        let loaded: LoadedAccounts = serde_json::from_str(&loaded).map_err(|error| self.store.damaged(&error))?;
        self.newest_release.fetch_max(loaded.last_release, Ordering::Relaxed);
        Ok(OpenStep::new(transaction, scope, loaded))
    }
}

impl OpenStep {
    fn new(transaction: PostgresTransaction, scope: &AccountScope, loaded: LoadedAccounts) -> Self {
        let now = loaded.now;
        let mut counters = AccountCounters::numbered_after(loaded.sequence);
        let mut owners = Vec::new();
        for name in loaded.names {
            let name = known_name(name);
            counters.known.restore_name(name, now);
            owners.push(name.person);
        }
        owners.sort_unstable();
        owners.dedup();
        for person in loaded.people {
            counters.known.record_person(known_person(person), now);
        }
        if loaded.is_familiar_network {
            counters.known.restore_network(scope.network, now);
        }
        if let (Some(threshold), Some(window)) = loaded.strictest_policy {
            counters.known.restore_strictest_policy(LockoutPolicy { threshold, window: duration_of(window) });
        }
        let mut stored = HashMap::new();
        for (kind, account, failures, window, attempts) in loaded.accounts {
            let account = account_of(kind, account);
            let attempts = attempts.unwrap_or_else(|| AccountAttempts::restored_from(&failures, duration_of(window)));
            let mut current = attempts.clone();
            current.expire_pending(|| counters.next_sequence(), now);
            counters.replace(account, current, now);
            stored.insert(account, attempts);
        }
        Self { transaction, now, counters, owners, stored }
    }

    /// Writes what has changed.
    async fn write(&mut self) -> Result<(), StoreError> {
        for change in self.counters.changes.take() {
            match change {
                ThrottleChange::Name(name) => self.write_name(name).await?,
                ThrottleChange::Person(person) => self.write_person(person).await?,
                // All accounts are compared with what was read.
                ThrottleChange::Failures { .. } => {}
            }
        }
        self.write_accounts().await
    }

    async fn write_accounts(&mut self) -> Result<(), StoreError> {
        let current: HashMap<_, _> = self.counters.accounts().collect();
        let gone = self.stored.keys().filter(|account| !current.contains_key(account));
        let gone = gone.map(|account| (*account, AccountAttempts::default()));
        let is_changed = |(account, attempts): &(AccountKey, &AccountAttempts)| self.stored.get(account) != Some(*attempts);
        let changed = self.counters.accounts().filter(is_changed).map(|(account, attempts)| (account, attempts.clone()));
        let mut rows = AccountColumns::default();
        for (account, attempts) in gone.chain(changed) {
            rows.push(account, &attempts, self.now);
        }
        if rows.kinds.is_empty() {
            return Ok(());
        }
        // Those of which nothing is left are over, and swept.
        let upsert = sqlx::query(
            "INSERT INTO throttle_failures (kind, account, failures, window_ms, expires_at, attempts)
             SELECT kind, account, failures, window_ms, expires_at, attempts::json
             FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::text[])
                 AS changed (kind, account, failures, window_ms, expires_at, attempts)
             ON CONFLICT (kind, account) DO UPDATE SET failures = excluded.failures, window_ms = excluded.window_ms,
                 expires_at = excluded.expires_at, attempts = excluded.attempts",
        );
        let upsert = upsert.bind(rows.kinds).bind(rows.accounts).bind(rows.failures);
        let upsert = upsert.bind(rows.windows).bind(rows.ends).bind(rows.attempts);
        self.transaction.execute(upsert).await.map(drop)
    }

    async fn write_name(&mut self, KnownName { name, is_typed, person, seen_at }: KnownName) -> Result<(), StoreError> {
        let (name, person) = (name.0.cast_signed(), person.0.cast_signed());
        if is_typed {
            let others = sqlx::query("DELETE FROM throttle_names WHERE name = $1 AND person <> $2").bind(name).bind(person);
            self.transaction.execute(others).await?;
        }
        let upsert = sqlx::query(
            "INSERT INTO throttle_names (name, is_typed, person, seen_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (name, person) DO UPDATE SET is_typed = $2, seen_at = $4",
        );
        self.transaction.execute(upsert.bind(name).bind(is_typed).bind(person).bind(seen_at)).await.map(drop)
    }

    async fn write_person(&mut self, known: KnownPerson) -> Result<(), StoreError> {
        let KnownPerson { person, network, policy, signed_in_at } = known;
        let upsert = sqlx::query(
            "INSERT INTO throttle_people AS known (person, network, threshold, window_ms, signed_in_at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (person) DO UPDATE SET network = $2, signed_in_at = $5,
                 threshold = coalesce($3, known.threshold), window_ms = coalesce($4, known.window_ms)",
        );
        let upsert = upsert.bind(person.0.cast_signed()).bind(network.map(|network| network.0.cast_signed()));
        let upsert = upsert.bind(policy.map(|policy| i64::from(policy.threshold)));
        let upsert = upsert.bind(policy.map(|policy| millis_of(policy.window))).bind(signed_in_at);
        self.transaction.execute(upsert).await.map(drop)
    }

    /// Tells all servers which accounts were released. The numbers are committed in their order, so that nobody misses one.
    /// The number of the last.
    async fn tell_released(&mut self, accounts: &[AccountKey]) -> Result<i64, StoreError> {
        self.transaction.execute(sqlx::query("LOCK TABLE throttle_releases IN EXCLUSIVE MODE")).await?;
        let mut newest = 0;
        for account in accounts {
            let (kind, key) = row_of(*account);
            let tell = "INSERT INTO throttle_releases (kind, account, released_at) VALUES ($1, $2, $3) RETURNING number";
            let tell = sqlx::query_as(tell).bind(kind).bind(key).bind(self.now);
            (newest,) = self.transaction.fetch_one(tell).await?;
        }
        Ok(newest)
    }
}

/// Rows of accounts, by column.
#[derive(Default)]
struct AccountColumns {
    kinds: Vec<i64>,
    accounts: Vec<i64>,
    failures: Vec<String>,
    windows: Vec<i64>,
    ends: Vec<i64>,
    attempts: Vec<Option<String>>,
}

impl AccountColumns {
    fn push(&mut self, account: AccountKey, attempts: &AccountAttempts, now: Timestamp) {
        let (kind, key) = row_of(account);
        // For an engine that has none pending, those have failed.
        let mut ended = attempts.clone();
        ended.expire_pending(|| 0, END_OF_TIME);
        let failures: Vec<_> = ended.failures(now).iter().map(|failure| (failure.at, failure.place)).collect();
        self.kinds.push(kind);
        self.accounts.push(key);
        self.failures.push(failures_column(&failures));
        self.windows.push(millis_of(ended.window()));
        self.ends.push(attempts.expires_at().map_or(0, Timestamp::as_millis));
        // Numbers and times alone, which JSON has all.
        self.attempts.push(serde_json::to_string(attempts).ok());
    }
}

#[async_trait]
impl ThrottleStore for PostgresThrottleStore {
    async fn step(&self, scope: &AccountScope, decide: Decision<'_>) -> Result<(), StoreError> {
        let step = async {
            let _turn = if scope.is_admitted {
                self.turns.go_on().await
            } else {
                self.turns.begin(scope.names.first().map_or(0, |name| name.skeleton.0)).await
            };
            let mut step = self.begin(scope).await?;
            decide(&mut step.counters, step.now);
            step.write().await?;
            step.transaction.commit().await
        };
        let too_slow = |_elapsed| self.store.failed(&"too many sign-ins wait for it");
        timeout(MAX_STEP_TIME, step).await.map_err(too_slow)?
    }

    fn is_shared(&self) -> bool {
        true
    }

    /// Every step is written when it has returned.
    async fn flush(&self, _all: bool) {}

    async fn release(&self, name: NameKeys) -> Result<Release, StoreError> {
        let mut step = self.begin(&AccountScope::of_name(name)).await?;
        let people = step.owners.iter().map(|person| AccountKey::Person(*person));
        let accounts: Vec<AccountKey> = people.chain([AccountKey::Name(name.skeleton)]).collect();
        let had_failures = accounts.iter().any(|account| step.counters.has_failures(*account, step.now));
        let is_known = !step.owners.is_empty();
        for account in &accounts {
            step.counters.release(*account, step.now);
        }
        step.write().await?;
        let newest = step.tell_released(&accounts).await?;
        step.transaction.commit().await?;
        self.newest_release.fetch_max(newest, Ordering::Relaxed);
        Ok(Release { had_failures, is_known })
    }

    async fn take_releases(&self) -> Result<Vec<AccountKey>, StoreError> {
        let last = self.last_release.load(Ordering::Relaxed);
        if self.newest_release.load(Ordering::Relaxed) <= last {
            return Ok(Vec::new());
        }
        let query = sqlx::query_as("SELECT number, kind, account FROM throttle_releases WHERE number > $1 ORDER BY number");
        let rows: Vec<(i64, i64, i64)> = self.store.fetch_all(query.bind(last)).await?;
        let newest = rows.last().map_or(last, |(number, ..)| *number);
        // Two who read the same releases at once apply them once.
        if self.last_release.fetch_max(newest, Ordering::Relaxed) >= newest {
            return Ok(Vec::new());
        }
        Ok(rows.into_iter().map(|(_, kind, account)| account_of(kind, account)).collect())
    }

    async fn sweep(&self) -> Result<(), StoreError> {
        let (known_for, kept_for) = (millis_of(KNOWN_FOR), millis_of(RELEASE_KEPT_FOR));
        for (table, time, kept_for) in [
            ("throttle_failures", "expires_at", 0),
            ("throttle_names", "seen_at", known_for),
            ("throttle_people", "signed_in_at", known_for),
            ("throttle_releases", "released_at", kept_for),
        ] {
            // What an attempt is just writing is left to it: nobody waits for each other in a circle.
            let delete = format!(
                "DELETE FROM {table} WHERE ctid = ANY (ARRAY(
                     SELECT ctid FROM {table} WHERE {time} <= throttle_now($1) - $2 FOR UPDATE SKIP LOCKED))"
            );
            let delete = sqlx::query(AssertSqlSafe(delete)).bind(self.given_time()).bind(kept_for);
            self.store.execute(delete).await?;
        }
        Ok(())
    }

    async fn close(&self) {
        self.store.close();
    }
}
