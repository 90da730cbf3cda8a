use super::{FactorRefusal, RenewedSession};
use crate::audit::AuditEvent;
use crate::auth::DeviceCookie;
use crate::auth::sign_in::Auth;
use crate::auth::throttle::DeviceProof;
use crate::domain::{Client, Member, Person, PersonId};
use crate::epochs::RevocationEvent;
use crate::factors::{PasskeyId, PasskeyResponse, RecoveryCode, RelyingParty, VerifiedFactor};
use crate::sessions::{Reauthentication, SessionToken};
use crate::store::StoreError;

/// The outcome of an enrolled factor.
#[derive(Debug)]
pub struct FactorEnrollment {
    /// The session with its new token: its person has just shown the factor.
    pub session: RenewedSession,
    /// The browser's new device cookie: one from before the first factor counts for no codes.
    pub device_cookie: Option<DeviceCookie>,
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
        let is_first = !self.needs_second_factor(&person.id).await?;
        self.second_step.factors.finish_app_enrollment(person, sealed, browser, typed).await?;
        self.audit.record(client, &AuditEvent::FactorAdded { person, factor: VerifiedFactor::App.as_str() });
        self.finish_enrollment(token, person, (Reauthentication::SecondFactor, is_first), client).await
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
        let is_first = !self.needs_second_factor(&person.id).await?;
        self.second_step.factors.finish_passkey_registration(person, name, site, browser, response).await?;
        self.audit.record(client, &AuditEvent::FactorAdded { person, factor: VerifiedFactor::Passkey.as_str() });
        self.finish_enrollment(token, person, (Reauthentication::Both, is_first), client).await
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

    /// Removes a member's app. What it may have opened ends, but for the current session.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn remove_app(&self, member: &Member, client: &Client) -> Result<(), StoreError> {
        if self.second_step.factors.remove_app(&member.person.id).await? {
            self.finish_removal(member, VerifiedFactor::App, client).await?;
        }
        Ok(())
    }

    /// Removes one of a member's passkeys. What it may have opened ends, but for the current session.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn remove_passkey(&self, member: &Member, id: PasskeyId, client: &Client) -> Result<(), StoreError> {
        if self.second_step.factors.remove_passkey(&member.person.id, id).await?.is_some() {
            self.finish_removal(member, VerifiedFactor::Passkey, client).await?;
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
            // What the lost device opened must not go on.
            let ended = self.revoke_as_admin(by, person, RevocationEvent::FactorsReset).await?;
            self.audit_ended(by, &ended, client);
        }
        Ok(reset)
    }

    async fn finish_removal(&self, member: &Member, factor: VerifiedFactor, client: &Client) -> Result<(), StoreError> {
        let person = &member.person;
        self.audit.record(client, &AuditEvent::FactorRemoved { person, factor: factor.as_str() });
        let ended = self.revoke(&person.id, RevocationEvent::FactorsChanged, member.session()).await?;
        self.audit_revoked(&ended, client);
        Ok(())
    }

    /// Gives the session its new token. The first factor ends all that was proved without one, but for this session.
    async fn finish_enrollment(
        &self,
        token: &SessionToken,
        person: &Person,
        (authentication, is_first): (Reauthentication, bool),
        client: &Client,
    ) -> Result<FactorEnrollment, FactorRefusal> {
        let session = self.record_authentication(token, &person.id, authentication).await;
        if is_first {
            let kept = session.as_ref().ok().map(|renewed| renewed.session.id);
            self.audit_revoked(&self.revoke(&person.id, RevocationEvent::FactorsChanged, kept).await?, client);
        }
        let session = session?;
        let has_codes = self.second_step.factors.enrolled(&person.id).await?.recovery_codes > 0;
        let recovery_codes = if has_codes { Vec::new() } else { self.create_recovery_codes(person, client).await? };
        let name = self.directory.sign_in_name(person);
        let device_cookie = name.map(|name| self.issue_device_cookie(&name, person, DeviceProof::SecondFactor)).transpose()?;
        Ok(FactorEnrollment { session, device_cookie, recovery_codes })
    }
}
