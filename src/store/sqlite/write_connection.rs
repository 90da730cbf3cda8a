use std::ops::{Deref, DerefMut};

use sqlx::{SqliteConnection, SqlitePool};
use tokio::sync::{Mutex, MutexGuard};

/// One connection that is kept for the most frequent writes, used by one writer at a time.
///
/// The pool pings every connection that is returned to it: a message to its thread and an answer for each statement.
/// And whatever one connection writes, the others must read from the file again. This one is spared both.
#[derive(Debug, Default)]
pub(super) struct WriteConnection(Mutex<Option<SqliteConnection>>);

impl WriteConnection {
    /// Waits for exclusive use of the connection. The first time, and after a failure, it is a new one.
    pub(super) async fn acquire(&self, pool: &SqlitePool) -> Result<WriteConnectionGuard<'_>, sqlx::Error> {
        let mut slot = self.0.lock().await;
        let connection = match slot.take() {
            Some(connection) => connection,
            None => pool.acquire().await?.detach(),
        };
        Ok(WriteConnectionGuard { slot, connection })
    }

    /// Closes the connection, once nobody uses it.
    pub(super) async fn close(&self) -> Result<(), sqlx::Error> {
        use sqlx::Connection as _;

        match self.0.lock().await.take() {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }
}

/// Exclusive use of the write connection. Dropped without a release, the connection is closed: its statement failed, or
/// was cancelled in the middle.
pub struct WriteConnectionGuard<'a> {
    slot: MutexGuard<'a, Option<SqliteConnection>>,
    connection: SqliteConnection,
}

impl WriteConnectionGuard<'_> {
    /// Gives the connection back for the next writer: everything that was begun with it has been written.
    pub fn release(mut self) {
        *self.slot = Some(self.connection);
    }
}

impl Deref for WriteConnectionGuard<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for WriteConnectionGuard<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    /// Makes a temporary table, which only its own connection can see.
    async fn leaves_a_note(connection: &mut WriteConnectionGuard<'_>) {
        sqlx::query("CREATE TEMP TABLE note (word TEXT)").execute(&mut **connection).await.unwrap();
    }

    async fn finds_the_note(connection: &mut WriteConnectionGuard<'_>) -> bool {
        sqlx::query("SELECT word FROM note").execute(&mut **connection).await.is_ok()
    }

    #[tokio::test]
    async fn the_next_writes_with_the_same_connection_and_not_with_one_that_failed() {
        let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
        let connection = WriteConnection::default();
        let mut guard = connection.acquire(&pool).await.unwrap();
        leaves_a_note(&mut guard).await;
        guard.release();
        let mut guard = connection.acquire(&pool).await.unwrap();
        assert!(finds_the_note(&mut guard).await);
        drop(guard);
        let mut guard = connection.acquire(&pool).await.unwrap();
        assert!(!finds_the_note(&mut guard).await, "it was given up in the middle");
    }

    #[tokio::test]
    async fn of_two_who_write_one_waits() {
        let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
        let connection = WriteConnection::default();
        let guard = connection.acquire(&pool).await.unwrap();
        let mut other = std::pin::pin!(connection.acquire(&pool));
        assert!(futures::poll!(other.as_mut()).is_pending());
        guard.release();
        assert!(other.await.is_ok());
    }

    #[tokio::test]
    async fn after_the_close_there_is_none() {
        let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
        let connection = WriteConnection::default();
        connection.acquire(&pool).await.unwrap().release();
        pool.close().await;
        connection.close().await.unwrap();
        assert!(connection.acquire(&pool).await.is_err());
    }
}
