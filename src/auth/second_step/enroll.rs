use super::{FactorRefusal, RenewedSession};
use crate::audit::AuditEvent;
use crate::auth::sign_in::Auth;
use crate::domain::{Client, Member, Person, PersonId};
use crate::factors::{PasskeyId, PasskeyResponse, RecoveryCode, RelyingParty, VerifiedFactor};
use crate::sessions::{Reauthentication, SessionToken};
use crate::store::StoreError;

/// The outcome of an enrolled factor.
#[derive(Debug)]
pub struct FactorEnrollment {
    /// The session with its new token: its person has just shown the factor.
    pub session: RenewedSession,
    /// New recovery codes, for those who had none.
    pub recovery_codes: Vec<RecoveryCode>,
}

/// Adding and removing factors. The caller requires a recent authentication before.
impl Auth {
    /// Stores the app that [`crate::factors::Factors::start_app_enrollment`] offered, once it has shown a code.
    ///
    /// # Errors
    /// A [`FactorRefusal`]; then nothing is stored.
    pub async fn enroll_app(
        &self,
        token: &SessionToken,
        person: &Person,
        (sealed, browser): (&str, &[u8]),
        typed: &str,
        client: &Client,
    ) -> Result<FactorEnrollment, FactorRefusal> {
        self.second_step.factors.finish_app_enrollment(person, sealed, browser, typed).await?;
        self.audit.record(client, &AuditEvent::FactorAdded { person, factor: VerifiedFactor::App.as_str() });
        self.finish_enrollment(token, person, Reauthentication::SecondFactor, client).await
    }

    /// Registers a new passkey.
    ///
    /// # Errors
    /// A [`FactorRefusal`]; then nothing is stored.
    pub async fn enroll_passkey(
        &self,
        token: &SessionToken,
        person: &Person,
        name: &str,
        (site, browser): (&RelyingParty, &[u8]),
        response: PasskeyResponse<'_>,
        client: &Client,
    ) -> Result<FactorEnrollment, FactorRefusal> {
        self.second_step.factors.finish_passkey_registration(person, name, site, browser, response).await?;
        self.audit.record(client, &AuditEvent::FactorAdded { person, factor: VerifiedFactor::Passkey.as_str() });
        self.finish_enrollment(token, person, Reauthentication::Both, client).await
    }

    /// Creates recovery codes, in place of those from before.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be stored.
    pub async fn create_recovery_codes(&self, person: &Person, client: &Client) -> Result<Vec<RecoveryCode>, StoreError> {
        let codes = self.second_step.factors.make_recovery_codes(&person.id).await?;
        self.audit.record(client, &AuditEvent::RecoveryCodesMade { person });
        Ok(codes)
    }

    /// Removes a person's app.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn remove_app(&self, person: &Person, client: &Client) -> Result<(), StoreError> {
        if self.second_step.factors.remove_app(&person.id).await? {
            self.audit.record(client, &AuditEvent::FactorRemoved { person, factor: VerifiedFactor::App.as_str() });
        }
        Ok(())
    }

    /// Removes one of a person's passkeys.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn remove_passkey(&self, person: &Person, id: PasskeyId, client: &Client) -> Result<(), StoreError> {
        if self.second_step.factors.remove_passkey(&person.id, id).await?.is_some() {
            self.audit.record(client, &AuditEvent::FactorRemoved { person, factor: VerifiedFactor::Passkey.as_str() });
        }
        Ok(())
    }

    /// Removes all factors of a person, on the word of the admin `by`. `false` when there was none.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked or written.
    pub async fn reset_factors(&self, person: &PersonId, by: &Member, client: &Client) -> Result<bool, StoreError> {
        let Some(known) = self.second_step.factors.person(person).await? else { return Ok(false) };
        let reset = self.second_step.factors.reset(person).await?;
        if reset {
            self.audit.record(client, &AuditEvent::FactorsReset { person: &known, by });
            // Sessions that the lost device opened must not go on.
            self.end_sessions_of_as_admin(by, person, client).await?;
            self.end_tokens_of(person, client).await?;
        }
        Ok(reset)
    }

    async fn finish_enrollment(
        &self,
        token: &SessionToken,
        person: &Person,
        authentication: Reauthentication,
        client: &Client,
    ) -> Result<FactorEnrollment, FactorRefusal> {
        let session = self.record_authentication(token, &person.id, authentication).await?;
        let has_codes = self.second_step.factors.enrolled(&person.id).await?.recovery_codes > 0;
        let recovery_codes = if has_codes { Vec::new() } else { self.create_recovery_codes(person, client).await? };
        Ok(FactorEnrollment { session, recovery_codes })
    }
}
