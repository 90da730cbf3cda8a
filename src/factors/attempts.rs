use super::{CodeRefusal, Factors};
use crate::domain::PersonId;

/// The limit on wrong codes.
#[derive(Clone, Copy, Debug)]
pub struct AttemptPolicy {
    /// The number of wrong codes without a wait: a few slips of the thumb.
    pub free_attempts: i64,
    /// The wait after that, in milliseconds, doubled with each wrong code …
    pub first_wait_ms: i64,
    /// … up to this.
    pub max_wait_ms: i64,
    /// The most doublings: more would only overflow.
    pub max_doublings: i64,
}

/// At one in an hour, with three codes of a million right at any moment, a guesser who has the password needs some
/// twenty-five years for an even chance.
const POLICY: AttemptPolicy =
    AttemptPolicy { free_attempts: 5, first_wait_ms: 30_000, max_wait_ms: 60 * 60_000, max_doublings: 10 };

/// The limit on wrong codes, by person. It counts only after the right password, so no stranger uses it up. It is kept in the
/// store: a restart does not reset it.
impl Factors {
    /// Takes one attempt, counted as failed until it is reset: so concurrent ones get no more than there are.
    pub(super) async fn take_attempt(&self, person: &PersonId) -> Result<(), CodeRefusal> {
        let now = self.now();
        match self.store().take_attempt(person, &POLICY, now).await? {
            Some(Ok(())) => Ok(()),
            Some(Err(not_before)) => Err(CodeRefusal::Throttled { retry_after: not_before.since(now) }),
            None => Err(CodeRefusal::Wrong),
        }
    }
}
