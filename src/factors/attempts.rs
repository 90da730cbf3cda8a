use std::time::Duration;

use super::{CodeRefusal, Factors};
use crate::domain::{PersonId, Timestamp};
use crate::store::StoreError;

/// The number of wrong codes without a wait: a few slips of the thumb.
const FREE_ATTEMPTS: i64 = 5;

/// The wait after that …
const FIRST_WAIT: Duration = Duration::from_secs(30);

/// … and the longest, doubled with each wrong code. At one in an hour, with three codes of a million right at any moment, a
/// guesser who has the password needs some twenty-five years for an even chance.
const MAX_WAIT: Duration = Duration::from_hours(1);

/// The most doublings: more would only overflow.
const MAX_DOUBLINGS: i64 = 10;

/// The limit on wrong codes, by person. It counts only after the right password, so no stranger uses it up. It is kept in the
/// store: a restart does not reset it.
impl Factors {
    /// Takes one attempt, counted as failed until it is reset: so concurrent ones get no more than there are.
    pub(super) async fn take_attempt(&self, person: &PersonId) -> Result<(), CodeRefusal> {
        let now = self.now();
        // A moment further off than any wait was written before the clock was set back: it locks nobody out.
        let updated = sqlx::query(
            "UPDATE people SET failed = failed + 1, not_before = CASE WHEN failed + 1 < ?1 THEN 0
                 ELSE ?2 + min(?3, ?4 << min(failed + 1 - ?1, ?5)) END
             WHERE person_id = ?6 AND (not_before <= ?2 OR not_before > ?2 + ?3)",
        )
        .bind(FREE_ATTEMPTS)
        .bind(now.as_millis())
        .bind(millis(MAX_WAIT))
        .bind(millis(FIRST_WAIT))
        .bind(MAX_DOUBLINGS)
        .bind(person.as_str())
        .execute(self.pool())
        .await
        .map_err(|error| self.query_failed(&error))?;
        if updated.rows_affected() > 0 {
            return Ok(());
        }
        let not_before: Option<i64> = sqlx::query_scalar("SELECT not_before FROM people WHERE person_id = ?")
            .bind(person.as_str())
            .fetch_optional(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        let Some(not_before) = not_before else { return Err(CodeRefusal::Wrong) };
        Err(CodeRefusal::Throttled { retry_after: Timestamp::from_millis(not_before).since(now) })
    }

    /// Resets the count of failed attempts, after a right code.
    pub(super) async fn reset_attempts(&self, person: &PersonId) -> Result<(), StoreError> {
        sqlx::query("UPDATE people SET failed = 0, not_before = 0 WHERE person_id = ?")
            .bind(person.as_str())
            .execute(self.pool())
            .await
            .map_err(|error| self.query_failed(&error))?;
        Ok(())
    }
}

fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}
