use super::{FactorRefusal, RenewedSession};
use crate::audit::Event;
use crate::auth::sign_in::Auth;
use crate::domain::{Client, Member, Person, PersonId};
use crate::factors::{PasskeyAnswer, PasskeyId, PasskeySite, RecoveryCode, Shown};
use crate::sessions::{Proved, SessionToken};
use crate::store::StoreError;

/// A factor has been set up.
#[derive(Debug)]
pub struct FactorEnrollment {
    /// The session goes on, with another token: its person has just shown the factor.
    pub session: RenewedSession,
    /// New recovery codes, for those who had none.
    pub recovery_codes: Vec<RecoveryCode>,
}

/// Setting factors up and taking them away. Who may is asked before: a recent proof of whoever does it.
impl Auth {
    /// Keeps the app that [`crate::factors::Factors::offer_app`] offered, once it has shown a code.
    ///
    /// # Errors
    /// A [`FactorRefusal`]; then nothing is kept.
    pub async fn enroll_app(
        &self,
        token: &SessionToken,
        person: &Person,
        (sealed, browser): (&str, &[u8]),
        typed: &str,
        client: &Client,
    ) -> Result<FactorEnrollment, FactorRefusal> {
        self.second_step.factors.confirm_app(person, sealed, browser, typed).await?;
        self.audit.record(client, &Event::FactorAdded { person, factor: Shown::App.word() });
        self.finish_enrollment(token, person, Proved::SecondFactor, client).await
    }

    /// Keeps the passkey that came.
    ///
    /// # Errors
    /// A [`FactorRefusal`]; then nothing is kept.
    pub async fn enroll_passkey(
        &self,
        token: &SessionToken,
        person: &Person,
        name: &str,
        (site, browser): (&PasskeySite, &[u8]),
        answer: PasskeyAnswer<'_>,
        client: &Client,
    ) -> Result<FactorEnrollment, FactorRefusal> {
        self.second_step.factors.add_passkey(person, name, site, browser, answer).await?;
        self.audit.record(client, &Event::FactorAdded { person, factor: Shown::Passkey.word() });
        self.finish_enrollment(token, person, Proved::Both, client).await
    }

    /// New recovery codes, in place of those from before.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be kept.
    pub async fn create_recovery_codes(
        &self,
        person: &Person,
        client: &Client,
    ) -> Result<Vec<RecoveryCode>, StoreError> {
        let codes = self.second_step.factors.make_recovery_codes(&person.id).await?;
        self.audit.record(client, &Event::RecoveryCodesMade { person });
        Ok(codes)
    }

    /// Forgets somebody's app.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn remove_app(&self, person: &Person, client: &Client) -> Result<(), StoreError> {
        if self.second_step.factors.remove_app(&person.id).await? {
            self.audit.record(client, &Event::FactorRemoved { person, factor: Shown::App.word() });
        }
        Ok(())
    }

    /// Forgets one of somebody's passkeys.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn remove_passkey(&self, person: &Person, id: PasskeyId, client: &Client) -> Result<(), StoreError> {
        if self.second_step.factors.remove_passkey(&person.id, id).await?.is_some() {
            self.audit.record(client, &Event::FactorRemoved { person, factor: Shown::Passkey.word() });
        }
        Ok(())
    }

    /// Forgets all that somebody has enrolled, on the word of the admin `by`. `false` when there was nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked or written.
    pub async fn reset_factors(&self, person: &PersonId, by: &Member, client: &Client) -> Result<bool, StoreError> {
        let Some(known) = self.second_step.factors.person(person).await? else { return Ok(false) };
        let reset = self.second_step.factors.reset(person).await?;
        if reset {
            self.audit.record(client, &Event::FactorsReset { person: &known, by });
            // What the lost device has proved counts no more.
            self.end_sessions_of_as_admin(by, person, client).await?;
            self.end_tokens_of(person, client).await?;
        }
        Ok(reset)
    }

    async fn finish_enrollment(
        &self,
        token: &SessionToken,
        person: &Person,
        proved: Proved,
        client: &Client,
    ) -> Result<FactorEnrollment, FactorRefusal> {
        let session = self.record_authentication(token, &person.id, proved).await?;
        let has_codes = self.second_step.factors.of(&person.id).await?.recovery_codes > 0;
        let recovery_codes = if has_codes { Vec::new() } else { self.create_recovery_codes(person, client).await? };
        Ok(FactorEnrollment { session, recovery_codes })
    }
}
