use std::time::Duration;

use zeroize::Zeroizing;

use super::credential_cache::CredentialCache;
use super::sign_in::AttemptKind;
use super::{Auth, SignInRefusal, timing_floor};
use crate::audit::AuditEvent;
use crate::domain::{Client, Credential, EndReason, Member, Person, PersonId, Revalidation, Scope};
use crate::store::StoreError;
use crate::tokens::Tokens;

/// Basic authentication (RFC 7617): a name and a password with every request, and no session.
impl Auth {
    /// Caches right passwords for this long (zero: not at all), for clients that send them with every request.
    #[must_use]
    pub fn with_credential_cache(mut self, ttl: Duration) -> Self {
        self.credential_cache = CredentialCache::new(self.clock.clone(), ttl);
        self
    }

    /// Has every sign-in confirm its person's API tokens too, which matters where the directory has no service account.
    #[must_use]
    pub fn with_tokens(mut self, tokens: Tokens) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Authenticates a name and a password, under the limits and the timing floor of the sign-in form; the directory is
    /// asked once, or not at all when they are in the credential cache.
    ///
    /// # Errors
    /// A [`SignInRefusal`], as far as a visitor may know it.
    pub async fn authenticate_basic(
        &self,
        username: &str,
        password: Zeroizing<String>,
        client: &Client,
    ) -> Result<Member, SignInRefusal> {
        let begun = self.clock.now();
        let outcome = self.try_authenticate_basic(username, password, client).await;
        if outcome.is_err() {
            timing_floor::wait(&*self.clock, begun).await;
        }
        outcome
    }

    async fn try_authenticate_basic(
        &self,
        username: &str,
        password: Zeroizing<String>,
        client: &Client,
    ) -> Result<Member, SignInRefusal> {
        let (name, password) = self.parse_credentials(username, password, client)?;
        let tag = self.keys().credential_tag(&name, &password);
        let mut cached = self.credential_cache.get(&tag);
        if cached.is_none() {
            let permit = self.admit(AttemptKind::SignIn, &name, client).await?;
            // Many requests of one client come at once: those that waited for the first need not ask again.
            cached = self.credential_cache.get(&tag);
            if cached.is_some() {
                permit.cancel();
            } else {
                let person = self.authenticate(AttemptKind::SignIn, &name, &password, permit, client).await?;
                self.audit.record(client, &AuditEvent::PasswordAccepted { person: &person });
                self.confirm_tokens_of(&person).await;
                self.credential_cache.insert(tag, &person);
                cached = Some(person);
            }
        }
        let person = cached.ok_or(SignInRefusal::WrongCredentials)?;
        // Basic carries no second factor, so pages that require one stay closed.
        Ok(Member { person, credential: Credential::Password, scope: Scope::Unrestricted, second_factor_until: None })
    }

    /// Ends all API tokens of somebody, and their live connections.
    ///
    /// # Errors
    /// [`StoreError`] when the ends cannot be written down; the tokens then go on.
    pub(super) async fn end_tokens_of(&self, person: &PersonId, client: &Client) -> Result<(), StoreError> {
        let Some(tokens) = &self.tokens else { return Ok(()) };
        for token in tokens.end_all_of(person, self.clock.now(), EndReason::Revoked).await? {
            let event = AuditEvent::TokenEnded { person: &token.person, token: token.id, reason: EndReason::Revoked };
            self.audit.record(client, &event);
        }
        Ok(())
    }

    /// Confirms somebody's API tokens. A store that cannot be written keeps nobody out: their tokens go stale a little
    /// earlier, and the log says why.
    pub(super) async fn confirm_tokens_of(&self, person: &Person) {
        let Some(tokens) = &self.tokens else { return };
        // The session refresher confirms the others.
        if self.directory.revalidation(person) == Revalidation::Refreshed {
            return;
        }
        if let Err(error) = tokens.confirm(std::slice::from_ref(person), self.clock.now()).await {
            tracing::error!(%error, "a sign-in could not be noted for the person's API tokens");
        }
    }
}
