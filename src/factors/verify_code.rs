use super::attempts::{AttemptCount, CodeKind, CodeOrigin};
use super::totp::DIGITS;
use super::{CodeRefusal, Factors, VerifiedFactor};
use crate::domain::PersonId;

impl Factors {
    /// Verifies a code that somebody typed at `origin`: one of their app, or one of their recovery codes. Either works once.
    ///
    /// # Errors
    /// A [`CodeRefusal`]; a wrong code counts against the person's attempts from that place, and not against those of the
    /// owner's own browsers.
    pub async fn verify_code(
        &self,
        person: &PersonId,
        typed: &str,
        origin: &CodeOrigin,
    ) -> Result<VerifiedFactor, CodeRefusal> {
        let typed: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        let now = self.now();
        let kind = if typed.len() == DIGITS { CodeKind::App } else { CodeKind::Recovery };
        let counts = AttemptCount::for_code(kind, origin);
        match self.store().take_attempt(person, &counts, now).await? {
            Some(Ok(())) => {}
            Some(Err(until)) => return Err(CodeRefusal::Throttled { retry_after: until.since(now), until }),
            None => return Err(CodeRefusal::Wrong),
        }
        let factor = match kind {
            CodeKind::App => self.verify_app_code(person, &typed).await?,
            CodeKind::Recovery => self.verify_recovery_code(person, &typed).await?,
        };
        self.store().forgive_attempt(person, &counts).await?;
        Ok(factor)
    }
}
