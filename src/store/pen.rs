use std::ops::{Deref, DerefMut};

use sqlx::{SqliteConnection, SqlitePool};
use tokio::sync::{Mutex, MutexGuard};

/// A connection that stays with whoever writes the most, one at a time.
///
/// The pool has every connection asked whether it is still there when it comes back: a message to its thread and an answer for
/// each statement. And whatever one connection writes, the others must read from the file again. Neither befalls this one.
#[derive(Debug, Default)]
pub(super) struct Pen(Mutex<Option<SqliteConnection>>);

impl Pen {
    /// Waits until nobody else writes with it, and takes it up. The first time, and after a failure, it is a new one.
    pub(super) async fn take_up(&self, pool: &SqlitePool) -> Result<HeldPen<'_>, sqlx::Error> {
        let mut place = self.0.lock().await;
        let connection = match place.take() {
            Some(connection) => connection,
            None => pool.acquire().await?.detach(),
        };
        Ok(HeldPen { place, connection })
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
pub struct HeldPen<'a> {
    place: MutexGuard<'a, Option<SqliteConnection>>,
    connection: SqliteConnection,
}

impl HeldPen<'_> {
    /// Leaves it for the next: everything that was begun with it has been written.
    pub fn lay_down(mut self) {
        *self.place = Some(self.connection);
    }
}

impl Deref for HeldPen<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for HeldPen<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    /// What one connection alone can see.
    async fn leaves_a_note(pen: &mut HeldPen<'_>) {
        sqlx::query("CREATE TEMP TABLE note (word TEXT)").execute(&mut **pen).await.unwrap();
    }

    async fn finds_the_note(pen: &mut HeldPen<'_>) -> bool {
        sqlx::query("SELECT word FROM note").execute(&mut **pen).await.is_ok()
    }

    #[tokio::test]
    async fn the_next_writes_with_the_same_connection_and_not_with_one_that_failed() {
        let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
        let pen = Pen::default();
        let mut held = pen.take_up(&pool).await.unwrap();
        leaves_a_note(&mut held).await;
        held.lay_down();
        let mut held = pen.take_up(&pool).await.unwrap();
        assert!(finds_the_note(&mut held).await);
        drop(held);
        let mut held = pen.take_up(&pool).await.unwrap();
        assert!(!finds_the_note(&mut held).await, "it was given up in the middle");
    }

    #[tokio::test]
    async fn of_two_who_write_one_waits() {
        let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
        let pen = Pen::default();
        let held = pen.take_up(&pool).await.unwrap();
        let mut other = std::pin::pin!(pen.take_up(&pool));
        assert!(futures::poll!(other.as_mut()).is_pending());
        held.lay_down();
        assert!(other.await.is_ok());
    }

    #[tokio::test]
    async fn after_the_close_there_is_none() {
        let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
        let pen = Pen::default();
        pen.take_up(&pool).await.unwrap().lay_down();
        pool.close().await;
        pen.close().await.unwrap();
        assert!(pen.take_up(&pool).await.is_err());
    }
}
