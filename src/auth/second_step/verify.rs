use super::pending::PendingSignIn;
use super::{FactorRefusal, PendingToken};
use crate::audit::AuditEvent;
use crate::auth::sign_in::{Auth, SignedIn};
use crate::directory::AccountStatus;
use crate::domain::{Client, Network, Person, PersonId, Revalidation, Timestamp, Username};
use crate::epochs::ProofKind;
use crate::factors::{CodeOrigin, CodeRefusal, Factors, PasskeyResponse, RelyingParty, VerifiedFactor};
use crate::sessions::{Reauthentication, Session, SessionOptions, SessionToken};
use crate::store::StoreError;

/// A session with a new token.
#[derive(Debug)]
pub struct RenewedSession {
    /// The token for the browser's cookie.
    pub token: SessionToken,
    /// The session.
    pub session: Session,
}

/// A person's response to the request for a second factor.
#[derive(Clone, Copy)]
pub enum FactorResponse<'a> {
    /// A code, of their app or for recovery, as they typed it.
    Code(&'a str),
    /// A passkey.
    Passkey {
        /// The site it must be registered for.
        site: &'a RelyingParty,
        /// The bytes that the challenge is bound to: the browser's.
        browser: &'a [u8],
        /// The authenticator's response.
        response: PasskeyResponse<'a>,
    },
}

impl Auth {
    /// Whether a person has a second factor, so that their password alone opens nothing: at every way in, or one would
    /// lead around it.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked: that is never "no".
    pub async fn needs_second_factor(&self, person: &PersonId) -> Result<bool, StoreError> {
        self.second_step.factors.has_any(person).await
    }

    /// The store of factors.
    pub fn factors(&self) -> &Factors {
        &self.second_step.factors
    }

    /// The time until which the factor shown in a session counts; `None` when none was, or it has lapsed.
    pub fn second_factor_until(&self, session: &Session) -> Option<Timestamp> {
        let until = session.second_factor_at? + self.second_step.factor_lifetime;
        (self.clock.now() < until).then_some(until)
    }

    /// Makes a sign-in pending, after the right password of somebody with a second factor; they have no session until
    /// then.
    pub(in crate::auth) async fn begin_second_step(
        &self,
        name: &Username,
        person: Person,
        options: SessionOptions,
        client: &Client,
    ) -> Result<PendingToken, StoreError> {
        self.audit.record(client, &AuditEvent::SecondFactorAsked { person: &person });
        let now = self.clock.now();
        let origin = self.code_origin(&person.id, client).await?;
        let (token, sign_in) = PendingSignIn::new(name, person, options)?;
        self.second_step.pending.insert(token.hash(), sign_in, &origin, now).await?;
        Ok(token)
    }

    /// The person whose pending sign-in has this token.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be asked.
    pub async fn pending_person(&self, token: &PendingToken) -> Result<Option<Person>, StoreError> {
        Ok(self.find_pending(token).await?.map(|sign_in| sign_in.person))
    }

    /// Finishes a sign-in with the second factor: a fresh session, whose person has shown both. `previous` is the token
    /// that this browser sent; that session ends.
    ///
    /// # Errors
    /// A [`FactorRefusal`]; the sign-in stays pending then.
    pub async fn finish_sign_in(
        &self,
        token: &PendingToken,
        response: FactorResponse<'_>,
        client: &Client,
        previous: Option<&SessionToken>,
    ) -> Result<SignedIn, FactorRefusal> {
        let sign_in = self.find_pending(token).await?.ok_or(FactorRefusal::NotPending)?;
        self.verify_factor(&sign_in.person, response, client).await?;
        // Two right responses at once are one sign-in.
        let taken = self.second_step.pending.take(&token.hash(), self.clock.now()).await?;
        let sign_in = taken.ok_or(FactorRefusal::NotPending)?;
        let person = self.reread_person(sign_in.person).await.ok_or(FactorRefusal::NotPending)?;
        let options = SessionOptions { second_factor: true, ..sign_in.options };
        Ok(self.begin_session(&sign_in.name, &person, options, client, previous).await?)
    }

    /// The person as the directory describes them now; `None` when they may not sign in any more. Where it cannot be
    /// asked, its answer of minutes ago stands.
    async fn reread_person(&self, person: Person) -> Option<Person> {
        if self.directory.revalidation(&person) == Revalidation::Unrefreshed {
            return Some(person);
        }
        match self.directory.refresh(std::slice::from_ref(&person)).await.into_iter().next() {
            Some(Ok(AccountStatus::Active(described))) => Some(described),
            Some(Ok(AccountStatus::Removed(_))) => None,
            Some(Err(_)) | None => Some(person),
        }
    }

    /// The pending sign-in of this token, unless it was revoked since the password was shown.
    async fn find_pending(&self, token: &PendingToken) -> Result<Option<PendingSignIn>, StoreError> {
        let found = self.second_step.pending.find(&token.hash(), self.clock.now()).await?;
        let is_revoked =
            |sign_in: &PendingSignIn| self.is_revoked(&sign_in.person.id, ProofKind::PendingSignIn, sign_in.options.epoch);
        Ok(found.filter(|sign_in| !is_revoked(sign_in)))
    }

    /// Step-up: a member shows their second factor in their session, which gets a new token.
    ///
    /// # Errors
    /// A [`FactorRefusal`]; the token stays as it was. [`FactorRefusal::NotPending`] when the session has ended.
    pub async fn step_up(
        &self,
        token: &SessionToken,
        person: &Person,
        response: FactorResponse<'_>,
        client: &Client,
    ) -> Result<RenewedSession, FactorRefusal> {
        let authentication = match self.verify_factor(person, response, client).await? {
            VerifiedFactor::Passkey => Reauthentication::Both,
            VerifiedFactor::App | VerifiedFactor::RecoveryCode { .. } => Reauthentication::SecondFactor,
        };
        self.record_authentication(token, &person.id, authentication).await
    }

    /// Records an authentication in a session, and gives it a new token.
    pub(super) async fn record_authentication(
        &self,
        token: &SessionToken,
        person: &PersonId,
        authentication: Reauthentication,
    ) -> Result<RenewedSession, FactorRefusal> {
        let (token, session) =
            self.sessions.reauthenticate(token, person, authentication).await?.ok_or(FactorRefusal::NotPending)?;
        Ok(RenewedSession { token, session })
    }

    /// Verifies a factor, and records the outcome in the audit log.
    async fn verify_factor(
        &self,
        person: &Person,
        response: FactorResponse<'_>,
        client: &Client,
    ) -> Result<VerifiedFactor, FactorRefusal> {
        let verified = match response {
            FactorResponse::Code(typed) => {
                let origin = self.code_origin(&person.id, client).await?;
                self.second_step.factors.verify_code(&person.id, typed, &origin).await.map_err(FactorRefusal::from)
            }
            FactorResponse::Passkey { site, browser, response } => self.verify_passkey(person, site, browser, response).await,
        };
        match &verified {
            Ok(shown) => self.audit.record(client, &AuditEvent::SecondFactorShown { person, factor: shown.as_str() }),
            Err(refusal) => {
                if matches!(refusal, FactorRefusal::Code(CodeRefusal::SealedUnderAnotherKey)) {
                    tracing::error!(
                        person = %person.id,
                        "the seed of an authenticator app cannot be unsealed, as the secret key is another than when it was \
                         set up: put the old one back, or reset this person's second factors"
                    );
                }
                let (reason, retry_after) = (refusal.as_str(), refusal.retry_after());
                self.audit.record(client, &AuditEvent::SecondFactorRefused { person, reason, retry_after });
            }
        }
        verified
    }

    /// Where this person's codes are typed from: a browser that is familiar as theirs, or a network. A browser in which somebody
    /// signed in by the password alone, before there was a factor, is not: it may be a thief's.
    async fn code_origin(&self, person: &PersonId, client: &Client) -> Result<CodeOrigin, StoreError> {
        let since = self.second_step.factors.enrolled(person).await?.since();
        Ok(match since.and_then(|since| self.throttle.device_of(client, person, since)) {
            Some(digest) => CodeOrigin::FamiliarDevice(digest),
            None => CodeOrigin::Network(Network::widest_of(client.address())),
        })
    }

    async fn verify_passkey(
        &self,
        person: &Person,
        site: &RelyingParty,
        browser: &[u8],
        response: PasskeyResponse<'_>,
    ) -> Result<VerifiedFactor, FactorRefusal> {
        let owner = self.second_step.factors.finish_passkey_authentication(site, browser, response).await?;
        if owner.id == person.id { Ok(VerifiedFactor::Passkey) } else { Err(FactorRefusal::WrongOwner) }
    }
}
