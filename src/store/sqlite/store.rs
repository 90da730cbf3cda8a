use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::query::{Query, QueryAs};
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{ConnectOptions, FromRow, Sqlite, SqlitePool, Transaction};

use super::write_connection::{WriteConnection, WriteConnectionGuard};
use crate::store::{StoreError, StoreKind};

/// SQLite's busy timeout: how long a statement waits for another's write. Ours take a millisecond; a backup tool that
/// reads the file holds it a little longer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The pool's size. SQLite writes one at a time; a few connections let page views read past a write. Each is a thread.
const MAX_CONNECTIONS: u32 = 4;

/// How long to wait for a connection of the pool: longer than [`BUSY_TIMEOUT`], so that the real trouble is reported
/// first.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(8);

/// The pages of 4 KiB after which the write-ahead log is checkpointed into the file, with two waits for the disk: some
/// thousands of sign-ins, and 16 MiB beside the file.
const CHECKPOINT_PAGES: &str = "4000";

/// Each connection's page cache in KiB (as SQLite has it, negative). The upper pages of every index fit into it; the
/// rest is in the system's cache, and there once for all of them.
const CACHE_KIB: &str = "-512";

/// An SQLite file with its connections. Cheap to clone; the clones are one store.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    pool: SqlitePool,
    write_connection: Arc<WriteConnection>,
    path: Arc<PathBuf>,
    kind: StoreKind,
}

impl SqliteStore {
    /// Opens the file `path`, created with mode 0600 when there is none, checks it, and runs `migrations`. Its folder must exist.
    ///
    /// # Errors
    /// A [`StoreError`] that names the file and the remedy, when it cannot be opened or is damaged.
    pub async fn open(path: &Path, kind: StoreKind, migrations: &Migrator) -> Result<Self, StoreError> {
        let store = Self::connect(path, kind).await?;
        store.check().await.map_err(|error| store.open_failed(&error))?.map_err(|verdict| store.damaged(&verdict))?;
        store.migrate(migrations).await?;
        Ok(store)
    }

    /// Opens a file as [`Self::open`] does, without the check of the whole: for what is large, and no harm where it is damaged.
    ///
    /// # Errors
    /// A [`StoreError`] that names the file and the remedy, when it cannot be opened.
    pub async fn open_unchecked(path: &Path, kind: StoreKind, migrations: &Migrator) -> Result<Self, StoreError> {
        let store = Self::connect(path, kind).await?;
        store.migrate(migrations).await?;
        Ok(store)
    }

    async fn connect(path: &Path, kind: StoreKind) -> Result<Self, StoreError> {
        create_private_file(path).map_err(|error| open_failed(kind, path, &error))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // In WAL mode this cannot damage the file; losing power may lose the last sign-ins, and people repeat them.
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("cache_size", CACHE_KIB)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // A file does not hang up as a server does; to ask would cost each statement a message to a thread and
            // back.
            .test_before_acquire(false);
        let connected = pool.connect_with(options).await;
        let pool = connected
            .map_err(|error| if is_damage(&error) { damaged(kind, path, &error) } else { open_failed(kind, path, &error) })?;
        Ok(Self { pool, write_connection: Arc::default(), path: Arc::new(path.to_owned()), kind })
    }

    async fn migrate(&self, migrations: &Migrator) -> Result<(), StoreError> {
        migrations.run(&self.pool).await.map_err(|error| match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => self.open_failed(&error),
            other => StoreError::OtherVersion { kind: self.kind, path: self.path.to_path_buf(), reason: other.to_string() },
        })
    }

    /// The error of a file that cannot be opened, or is damaged.
    fn open_failed(&self, error: &sqlx::Error) -> StoreError {
        if is_damage(error) { self.damaged(error) } else { open_failed(self.kind, &self.path, error) }
    }

    /// The connection pool, for queries.
    pub fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Begins a write transaction. It locks the file at once, and waits for other writers: what it reads stays true until it is
    /// committed.
    ///
    /// # Errors
    /// A [`StoreError`] that names the file.
    pub async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(|error| self.query_failed(&error))
    }

    /// Waits for exclusive use of the connection that is kept for the most frequent writes. To be released after
    /// success.
    ///
    /// # Errors
    /// When there is none and none can be made, as after [`SqliteStore::close`].
    pub async fn write_connection(&self) -> Result<WriteConnectionGuard<'_>, sqlx::Error> {
        self.write_connection.acquire(&self.pool).await
    }

    /// Executes a statement, and returns the number of rows that it wrote.
    ///
    /// # Errors
    /// [`StoreError`] when it fails.
    pub async fn execute(&self, statement: Query<'_, Sqlite, SqliteArguments>) -> Result<u64, StoreError> {
        statement.execute(&self.pool).await.map(|done| done.rows_affected()).map_err(|error| self.query_failed(&error))
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// [`StoreError`] when it fails.
    pub async fn fetch_all<R: for<'r> FromRow<'r, SqliteRow> + Send + Unpin>(
        &self,
        query: QueryAs<'_, Sqlite, R, SqliteArguments>,
    ) -> Result<Vec<R>, StoreError> {
        query.fetch_all(&self.pool).await.map_err(|error| self.query_failed(&error))
    }

    /// The first row of a query, if there is any.
    ///
    /// # Errors
    /// [`StoreError`] when it fails.
    pub async fn fetch_optional<R: for<'r> FromRow<'r, SqliteRow> + Send + Unpin>(
        &self,
        query: QueryAs<'_, Sqlite, R, SqliteArguments>,
    ) -> Result<Option<R>, StoreError> {
        query.fetch_optional(&self.pool).await.map_err(|error| self.query_failed(&error))
    }

    /// The one row of a query.
    ///
    /// # Errors
    /// [`StoreError`] when it fails, or there is none.
    pub async fn fetch_one<R: for<'r> FromRow<'r, SqliteRow> + Send + Unpin>(
        &self,
        query: QueryAs<'_, Sqlite, R, SqliteArguments>,
    ) -> Result<R, StoreError> {
        query.fetch_one(&self.pool).await.map_err(|error| self.query_failed(&error))
    }

    /// The [`StoreError`] of a failed query: a damaged file has its own remedy.
    pub fn query_failed(&self, error: &sqlx::Error) -> StoreError {
        if is_damage(error) { self.damaged(error) } else { self.failed(error) }
    }

    /// The error of an operation that failed for `reason`.
    pub fn failed(&self, reason: &impl ToString) -> StoreError {
        StoreError::Query { kind: self.kind, path: self.path.to_path_buf(), reason: reason.to_string() }
    }

    /// The error of a file whose content is invalid, for `reason`.
    pub fn damaged(&self, reason: &impl ToString) -> StoreError {
        damaged(self.kind, &self.path, reason)
    }

    /// Closes all connections and the file, when the program stops. Every later query fails.
    pub async fn close(&self) {
        // Closed first, so that nobody makes another.
        let closed = self.pool.close();
        if let Err(error) = self.write_connection.close().await {
            tracing::warn!(%error, path = %self.path.display(), "a store could not be closed in good order");
        }
        closed.await;
    }

    /// Runs SQLite's `quick_check` over the whole file, so that damage shows at the start and not in the middle of a
    /// sign-in. Most stores are small, and this takes milliseconds; the audit's takes a second with a million events.
    /// The inner error is the check's verdict on a damaged file.
    async fn check(&self) -> Result<Result<(), String>, sqlx::Error> {
        let verdict: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&self.pool).await?;
        Ok(if verdict == "ok" { Ok(()) } else { Err(verdict) })
    }
}

/// Whether a failed query means that the file is damaged.
fn is_damage(error: &sqlx::Error) -> bool {
    /// SQLITE_CORRUPT and SQLITE_NOTADB (<https://www.sqlite.org/rescode.html>), without their extended bits.
    const DAMAGED: [i32; 2] = [11, 26];
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code).and_then(|code| code.parse::<i32>().ok());
    code.is_some_and(|code| DAMAGED.contains(&(code & 0xff)))
}

fn open_failed(kind: StoreKind, path: &Path, reason: &impl ToString) -> StoreError {
    StoreError::Open { kind, path: path.to_owned(), reason: reason.to_string() }
}

fn damaged(kind: StoreKind, path: &Path, reason: &impl ToString) -> StoreError {
    StoreError::Damaged { kind, path: path.to_owned(), reason: reason.to_string() }
}

/// Creates the file with mode 0600 before SQLite sees it: SQLite gives its `-wal` and `-shm` the same mode.
fn create_private_file(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.create(true).read(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let file = options.open(path)?;
    // A file that was there may be open to others, copied from a backup for instance.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    drop(file);
    Ok(())
}
