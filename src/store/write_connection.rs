use std::ops::{Deref, DerefMut};

use sqlx::{SqliteConnection, SqlitePool};
use tokio::sync::{Mutex, MutexGuard};

/// A connection that stays with whoever writes the most, one at a time.
///
/// The pool has every connection asked whether it is still there when it comes back: a message to its thread and an answer for
/// each statement. And whatever one connection writes, the others must read from the file again. Neither befalls this one.
#[derive(Debug, Default)]
pub(super) struct WriteConnection(Mutex<Option<SqliteConnection>>);

impl WriteConnection {
    /// Waits until nobody else writes with it, and takes it up. The first time, and after a failure, it is a new one.
    pub(super) async fn acquire(&self, pool: &SqlitePool) -> Result<WriteConnectionGuard<'_>, sqlx::Error> {
        let mut place = self.0.lock().await;
        let connection = match place.take() {
            Some(connection) => connection,
            None => pool.acquire().await?.detach(),
        };
        Ok(WriteConnectionGuard { slot: place, connection })
    }

    /// Closes it, once nobody writes with it.
    pub(super) async fn close(&self) -> Result<(), sqlx::Error> {
        use sqlx::Connection as _;

        match self.0.lock().await.take() {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }
}

/// The pen in somebody's hand. What is dropped and not laid down is closed: it failed, or was given up in the middle of a
/// statement.
pub struct WriteConnectionGuard<'a> {
    slot: MutexGuard<'a, Option<SqliteConnection>>,
    connection: SqliteConnection,
}

impl WriteConnectionGuard<'_> {
    /// Leaves it for the next: everything that was begun with it has been written.
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

    /// What one connection alone can see.
    async fn leaves_a_note(pen: &mut WriteConnectionGuard<'_>) {
        sqlx::query("CREATE TEMP TABLE note (word TEXT)").execute(&mut **pen).await.unwrap();
    }

    async fn finds_the_note(pen: &mut WriteConnectionGuard<'_>) -> bool {
        sqlx::query("SELECT word FROM note").execute(&mut **pen).await.is_ok()
    }

    #[tokio::test]
    async fn the_next_writes_with_the_same_connection_and_not_with_one_that_failed() {
        let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
        let pen = WriteConnection::default();
        let mut held = pen.acquire(&pool).await.unwrap();
        leaves_a_note(&mut held).await;
        held.release();
        let mut held = pen.acquire(&pool).await.unwrap();
        assert!(finds_the_note(&mut held).await);
        drop(held);
        let mut held = pen.acquire(&pool).await.unwrap();
        assert!(!finds_the_note(&mut held).await, "it was given up in the middle");
    }

    #[tokio::test]
    async fn of_two_who_write_one_waits() {
        let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
        let pen = WriteConnection::default();
        let held = pen.acquire(&pool).await.unwrap();
        let mut other = std::pin::pin!(pen.acquire(&pool));
        assert!(futures::poll!(other.as_mut()).is_pending());
        held.release();
        assert!(other.await.is_ok());
    }

    #[tokio::test]
    async fn after_the_close_there_is_none() {
        let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
        let pen = WriteConnection::default();
        pen.acquire(&pool).await.unwrap().release();
        pool.close().await;
        pen.close().await.unwrap();
        assert!(pen.acquire(&pool).await.is_err());
    }
}
