use super::totp::DIGITS;
use super::{CodeRefusal, Factors, VerifiedFactor};
use crate::domain::PersonId;

impl Factors {
    /// Verifies a code that somebody typed: one of their app, or one of their recovery codes. Either works once.
    ///
    /// # Errors
    /// A [`CodeRefusal`]; a wrong code counts against the person's attempts.
    pub async fn verify_code(&self, person: &PersonId, typed: &str) -> Result<VerifiedFactor, CodeRefusal> {
        let typed: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        let now = self.now();
        // Only after the right password, so no stranger uses up somebody's attempts.
        match self.store().take_attempt(person, now).await? {
            Some(Ok(())) => {}
            Some(Err(not_before)) => return Err(CodeRefusal::Throttled { retry_after: not_before.since(now) }),
            None => return Err(CodeRefusal::Wrong),
        }
        let factor = match typed.len() {
            DIGITS => self.verify_app_code(person, &typed).await?,
            _ => self.verify_recovery_code(person, &typed).await?,
        };
        self.store().reset_attempts(person).await?;
        Ok(factor)
    }
}
