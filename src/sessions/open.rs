use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::SqlitePool;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::StoreError;

/// The steps from an empty file to today's tables, in the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("src/sessions/migrations");

/// How long a statement waits for another's write to finish. Ours take a millisecond; a backup tool that reads the
/// file holds it a little longer.
const BUSY: Duration = Duration::from_secs(5);

/// SQLite writes one at a time; a few connections let page views read past a write. Each is a thread.
const CONNECTIONS: u32 = 4;

/// Longer than [`BUSY`], so that whoever waits for a connection hears of the real trouble first.
const ACQUIRE: Duration = Duration::from_secs(8);

/// Opens the store at `path`, makes it when there is none, and brings its tables up to date.
pub(super) async fn open(path: &Path) -> Result<SqlitePool, StoreError> {
    private_file(path).map_err(|error| unopened(path, &error))?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // In WAL mode this cannot damage the file; losing power may lose the last sign-ins, and people repeat them.
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .disable_statement_logging();
    let pool = SqlitePoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE)
        .connect_with(options)
        .await
        .map_err(|error| explain(path, &error, unopened))?;
    check(&pool, path).await?;
    MIGRATIONS.run(&pool).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => explain(path, &error, unopened),
        other => StoreError::OtherVersion { path: path.to_owned(), reason: other.to_string() },
    })?;
    Ok(pool)
}

/// What a failed query means: a damaged file has its own remedy.
pub(super) fn explain(
    path: &Path,
    error: &sqlx::Error,
    otherwise: impl FnOnce(&Path, &sqlx::Error) -> StoreError,
) -> StoreError {
    /// SQLITE_CORRUPT and SQLITE_NOTADB (<https://www.sqlite.org/rescode.html>), without their extended bits.
    const DAMAGED: [i32; 2] = [11, 26];
    let code =
        error.as_database_error().and_then(sqlx::error::DatabaseError::code).and_then(|code| code.parse::<i32>().ok());
    match code {
        Some(code) if DAMAGED.contains(&(code & 0xff)) => damaged(path, error),
        _ => otherwise(path, error),
    }
}

fn unopened(path: &Path, reason: &impl ToString) -> StoreError {
    StoreError::Open { path: path.to_owned(), reason: reason.to_string() }
}

fn damaged(path: &Path, reason: &impl ToString) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), reason: reason.to_string() }
}

/// Looks the whole file over once, so that damage shows at the start and not in the middle of a sign-in. The store
/// is small: this takes milliseconds.
async fn check(pool: &SqlitePool, path: &Path) -> Result<(), StoreError> {
    let verdict: String = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(pool)
        .await
        .map_err(|error| explain(path, &error, unopened))?;
    if verdict == "ok" { Ok(()) } else { Err(damaged(path, &verdict)) }
}

/// Makes the file for its owner alone before SQLite sees it: SQLite gives its `-wal` and `-shm` the same mode.
fn private_file(path: &Path) -> io::Result<()> {
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
