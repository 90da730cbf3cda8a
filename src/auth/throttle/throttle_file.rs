use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::{Sqlite, Transaction};

use super::account_key::{AccountKey, NameKeys, PersonKey};
use super::columns::{
    FailurePair, NameRow, PersonRow, account_of, duration_of, failures_column, key_of, known_name, known_person, place_of,
    row_of,
};
use super::known_people::{KNOWN_FOR, KnownName, KnownPerson};
use super::store::{RELEASE_KEPT_FOR, Release};
use super::throttle_change::ThrottleChange;
use crate::domain::{Timestamp, millis_of};
use crate::store::{SqliteStore, StoreError, StoreKind};

/// The migrations from an empty file to today's tables, embedded in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("src/auth/throttle/migrations");

pub(super) const KIND: StoreKind = StoreKind {
    name: "store of failed sign-ins",
    if_recreated: "failed sign-ins are counted from zero, and people's names count apart until they sign in again",
};

/// The SQLite file in which failed attempts, and whose name is whose, outlive a restart, and by which other processes release
/// somebody. Passwords are not in it: what was typed wrong is nearly what is right.
pub(super) struct ThrottleFile(SqliteStore);

/// Everything in the file.
pub(super) struct StoredAttempts {
    /// As they were written down, oldest first.
    pub(super) changes: Vec<ThrottleChange>,
    /// The number of the last release.
    pub(super) last_release: i64,
}

type FailureRow = (i64, i64, String, i64);

impl ThrottleFile {
    /// Opens the file. Its folder must exist.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be opened.
    pub(super) async fn open(file: &Path) -> Result<Self, StoreError> {
        SqliteStore::open(file, KIND, &MIGRATIONS).await.map(Self)
    }

    fn failed(&self, error: &sqlx::Error) -> StoreError {
        self.0.query_failed(error)
    }

    fn failures(&self, (kind, account, failures, window): FailureRow) -> Result<ThrottleChange, StoreError> {
        let stored: Vec<FailurePair> = serde_json::from_str(&failures).map_err(|error| self.0.damaged(&error))?;
        let failures = stored.into_iter().map(|(at, place)| (at, place_of(place)));
        Ok(ThrottleChange::Failures {
            account: account_of(kind, account),
            failures: failures.collect(),
            window: duration_of(window),
        })
    }

    /// Reads everything that still holds at `now`.
    pub(super) async fn load(&self, now: Timestamp) -> Result<StoredAttempts, StoreError> {
        let since = now - KNOWN_FOR;
        let names = sqlx::query_as("SELECT name, is_typed, person, seen_at FROM names WHERE seen_at > ? ORDER BY seen_at");
        let names: Vec<NameRow> = self.0.fetch_all(names.bind(since)).await?;
        let people = sqlx::query_as(
            "SELECT person, network, threshold, window_ms, signed_in_at FROM people WHERE signed_in_at > ? ORDER BY signed_in_at",
        );
        let people: Vec<PersonRow> = self.0.fetch_all(people.bind(since)).await?;
        let failures = sqlx::query_as("SELECT kind, account, failures, window_ms FROM failures WHERE expires_at > ?");
        let failures: Vec<FailureRow> = self.0.fetch_all(failures.bind(now)).await?;
        let mut changes: Vec<_> = names.into_iter().map(|row| ThrottleChange::Name(known_name(row))).collect();
        changes.extend(people.into_iter().map(|row| ThrottleChange::Person(known_person(row))));
        for row in failures {
            changes.push(self.failures(row)?);
        }
        let (last_release,): (i64,) = self.0.fetch_one(sqlx::query_as("SELECT coalesce(max(number), 0) FROM releases")).await?;
        Ok(StoredAttempts { changes, last_release })
    }

    /// Writes changes down, in one transaction.
    pub(super) async fn save(&self, changes: Vec<ThrottleChange>) -> Result<(), StoreError> {
        let written = async {
            let mut transaction = self.0.pool().begin_with("BEGIN IMMEDIATE").await?;
            for change in changes {
                write(&mut transaction, change).await?;
            }
            transaction.commit().await
        };
        written.await.map_err(|error| self.failed(&error))
    }

    /// Forgets the failures of the name with these keys, typed and skeleton, and of the people it may be of, and tells every
    /// process that counts them.
    pub(super) async fn release(&self, name: NameKeys, at: Timestamp) -> Result<Release, StoreError> {
        let (people, waiting) = self.accounts_of(name, at).await?;
        let accounts = people.iter().map(|person| AccountKey::Person(*person)).chain([AccountKey::Name(name.skeleton)]);
        let accounts: Vec<AccountKey> = accounts.collect();
        let released = async {
            let mut transaction = self.0.pool().begin_with("BEGIN IMMEDIATE").await?;
            for account in accounts {
                let (kind, key) = row_of(account);
                let forget = sqlx::query("DELETE FROM failures WHERE kind = ? AND account = ?").bind(kind).bind(key);
                forget.execute(&mut *transaction).await?;
                let tell = sqlx::query("INSERT INTO releases (kind, account, released_at) VALUES (?, ?, ?)");
                tell.bind(kind).bind(key).bind(at).execute(&mut *transaction).await?;
            }
            transaction.commit().await
        };
        released.await.map_err(|error| self.failed(&error))?;
        Ok(Release { had_failures: !waiting.is_empty(), is_known: !people.is_empty() })
    }

    /// The people whom a name is of, and which of the accounts have failures that hold at `now`.
    async fn accounts_of(&self, name: NameKeys, now: Timestamp) -> Result<(Vec<PersonKey>, Vec<AccountKey>), StoreError> {
        let [typed, skeleton] = [name.typed, name.skeleton].map(|name| name.0.cast_signed());
        let query = sqlx::query_as("SELECT DISTINCT person FROM names WHERE name IN (?, ?)");
        let people: Vec<(i64,)> = self.0.fetch_all(query.bind(typed).bind(skeleton)).await?;
        let query = sqlx::query_as(
            "SELECT kind, account FROM failures WHERE expires_at > ?1 AND ((kind = 0 AND account = ?3)
                 OR (kind = 1 AND account IN (SELECT person FROM names WHERE name IN (?2, ?3))))",
        );
        let waiting: Vec<(i64, i64)> = self.0.fetch_all(query.bind(now).bind(typed).bind(skeleton)).await?;
        let people = people.into_iter().map(|(person,)| PersonKey(key_of(person)));
        Ok((people.collect(), waiting.into_iter().map(|(kind, account)| account_of(kind, account)).collect()))
    }

    /// The accounts that were released after the release number `last`, and the number of the last one.
    pub(super) async fn released_after(&self, last: i64) -> Result<(Vec<AccountKey>, i64), StoreError> {
        let query = sqlx::query_as("SELECT number, kind, account FROM releases WHERE number > ? ORDER BY number").bind(last);
        let rows: Vec<(i64, i64, i64)> = self.0.fetch_all(query).await?;
        let last = rows.last().map_or(last, |(number, ..)| *number);
        Ok((rows.into_iter().map(|(_, kind, account)| account_of(kind, account)).collect(), last))
    }

    /// Deletes what holds no more at `now`.
    pub(super) async fn sweep(&self, now: Timestamp) -> Result<(), StoreError> {
        let since = now - KNOWN_FOR;
        self.0.execute(sqlx::query("DELETE FROM failures WHERE expires_at <= ?").bind(now)).await?;
        self.0.execute(sqlx::query("DELETE FROM names WHERE seen_at <= ?").bind(since)).await?;
        self.0.execute(sqlx::query("DELETE FROM people WHERE signed_in_at <= ?").bind(since)).await?;
        let forget = sqlx::query("DELETE FROM releases WHERE released_at <= ?").bind(now - RELEASE_KEPT_FOR);
        self.0.execute(forget).await.map(drop)
    }

    /// Closes the file: every later call fails.
    pub(super) async fn close(&self) {
        self.0.close().await;
    }
}

async fn write(transaction: &mut Transaction<'_, Sqlite>, change: ThrottleChange) -> Result<(), sqlx::Error> {
    let statement = match change {
        ThrottleChange::Name(KnownName { name, is_typed, person, seen_at }) => {
            let (name, person) = (name.0.cast_signed(), person.0.cast_signed());
            if is_typed {
                let others = sqlx::query("DELETE FROM names WHERE name = ? AND person <> ?").bind(name).bind(person);
                others.execute(&mut **transaction).await?;
            }
            let upsert = sqlx::query("INSERT OR REPLACE INTO names (name, is_typed, person, seen_at) VALUES (?, ?, ?, ?)");
            upsert.bind(name).bind(is_typed).bind(person).bind(seen_at)
        }
        ThrottleChange::Person(KnownPerson { person, network, policy, signed_in_at }) => {
            let upsert = sqlx::query(
                "INSERT INTO people (person, network, threshold, window_ms, signed_in_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (person) DO UPDATE SET network = ?2, signed_in_at = ?5,
                     threshold = coalesce(?3, threshold), window_ms = coalesce(?4, window_ms)",
            );
            let upsert = upsert.bind(person.0.cast_signed()).bind(network.map(|network| network.0.cast_signed()));
            let upsert = upsert.bind(policy.map(|policy| policy.threshold));
            upsert.bind(policy.map(|policy| millis_of(policy.window))).bind(signed_in_at)
        }
        ThrottleChange::Failures { account, failures, window } => {
            let (kind, key) = row_of(account);
            let Some((last, _)) = failures.last() else {
                let delete = sqlx::query("DELETE FROM failures WHERE kind = ? AND account = ?").bind(kind).bind(key);
                return delete.execute(&mut **transaction).await.map(drop);
            };
            let expires_at = *last + window;
            let upsert = sqlx::query(
                "INSERT OR REPLACE INTO failures (kind, account, failures, window_ms, expires_at) VALUES (?, ?, ?, ?, ?)",
            );
            upsert.bind(kind).bind(key).bind(failures_column(&failures)).bind(millis_of(window)).bind(expires_at)
        }
    };
    statement.execute(&mut **transaction).await.map(drop)
}
