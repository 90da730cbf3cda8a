use std::time::Duration;

use super::Auth;
use super::credential_cache::CredentialCache;
use crate::domain::{Person, Revalidation};
use crate::tokens::Tokens;

/// The API tokens of the people who sign in.
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
