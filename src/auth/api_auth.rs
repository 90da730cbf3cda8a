use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::jwt::{Claims, IssueLimit, from_unix_seconds, to_unix_seconds};
use super::{Auth, JwtSigner};
use crate::audit::{Audit, AuditEvent};
use crate::domain::{Client, Credential, EndReason, Member, Person, RootCredential, TokenId, TokenScope};
use crate::epochs::ProofKind;
use crate::store::StoreError;
use crate::tokens::{ApiToken, CreateTokenError, NewToken, Token, TokenName, Tokens};

/// Issues and revokes API tokens and JWTs.
pub struct ApiAuth {
    pub(super) auth: Arc<Auth>,
    pub(super) tokens: Tokens,
    pub(super) signer: JwtSigner,
    issue_limit: IssueLimit,
}

/// A new JWT.
#[derive(Debug)]
pub struct IssuedJwt {
    /// The JWT itself.
    pub text: Zeroizing<String>,
    /// Its lifetime.
    pub lifetime: Duration,
    /// Its scope.
    pub scope: TokenScope,
}

/// Why no JWT was issued.
#[derive(Debug, thiserror::Error)]
pub enum JwtRefusal {
    /// A JWT makes no other, or none would ever end.
    #[error("a signed token makes no other: show the API token, the name and password or the session it was made from")]
    FromJwt,
    /// The wanted scope exceeds that of the credential.
    #[error("what was shown is not good for all of that scope")]
    Scope,
    /// This person was issued as many as one may have at once.
    #[error("as many signed tokens were issued as one person may have at once; there is another in {} s", retry_after.as_secs())]
    TooMany {
        /// The time until there is another.
        retry_after: Duration,
    },
    /// The system's generator or the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be signed.
    #[error("{0}")]
    Signing(String),
}

/// Why no API token was created.
#[derive(Debug, thiserror::Error)]
pub enum ApiTokenRefusal {
    /// Only members with a session create tokens.
    #[error("API tokens are made by people who are signed in")]
    NotInSession,
    /// The token store refused.
    #[error(transparent)]
    NotCreated(#[from] CreateTokenError),
}

impl ApiAuth {
    /// Creates it over these parts.
    pub fn new(auth: Arc<Auth>, tokens: Tokens, signer: JwtSigner) -> Self {
        Self { auth, tokens, signer, issue_limit: IssueLimit::default() }
    }

    /// Issues a JWT for the member's credential, with the scope `wanted` or else all of the credential's.
    ///
    /// # Errors
    /// [`JwtRefusal`].
    pub async fn issue_jwt(
        &self,
        member: &Member,
        wanted: Option<TokenScope>,
        client: &Client,
    ) -> Result<IssuedJwt, JwtRefusal> {
        let allowed = member.scope.token_scope();
        let scope = wanted.unwrap_or_else(|| allowed.clone());
        if !allowed.covers(&scope) {
            return Err(JwtRefusal::Scope);
        }
        let Credential { root, is_issued, epoch, .. } = member.credential;
        if is_issued {
            return Err(JwtRefusal::FromJwt);
        }
        let taken = self.issue_limit.take(&member.person.id, self.auth.clock.now());
        taken.map_err(|retry_after| JwtRefusal::TooMany { retry_after })?;
        let epoch = match epoch {
            Some(epoch) => epoch,
            None => self.auth.epochs.current().await?,
        };
        let claims = Claims {
            sub: member.person.id.as_str().to_owned(),
            scope: scope.to_string(),
            root,
            epoch,
            second_factor_until: member.second_factor_until.map(to_unix_seconds),
            ..self.signer.new_claims()?
        };
        let text = self.signer.sign(&claims).map_err(JwtRefusal::Signing)?;
        if root == RootCredential::PerRequest {
            let revalidation = self.auth.directory.revalidation(&member.person);
            self.auth.password_subjects.extend(&member.person, revalidation, from_unix_seconds(claims.exp)).await?;
        }
        self.auth.audit().record(client, &AuditEvent::SignedTokenMade { member });
        Ok(IssuedJwt { text, lifetime: self.signer.lifetime(), scope })
    }

    /// Creates an API token for somebody with a session. It carries their second factor, if they have shown it.
    ///
    /// # Errors
    /// [`ApiTokenRefusal`].
    pub async fn create_token(
        &self,
        member: &Member,
        name: TokenName,
        scope: TokenScope,
        lifetime: Duration,
        client: &Client,
    ) -> Result<(ApiToken, Token), ApiTokenRefusal> {
        let session = member.session().ok_or(ApiTokenRefusal::NotInSession)?;
        // Noted before all that was revoked by then has ended its sessions, and this one is looked up: what ends that later ends the
        // token too.
        let epoch = self.auth.epochs.current().await.map_err(CreateTokenError::from)?;
        self.auth.apply_foreign().await.map_err(CreateTokenError::from)?;
        if self.auth.sessions.get(session).await.map_err(CreateTokenError::from)?.is_none() {
            return Err(ApiTokenRefusal::NotInSession);
        }
        let second_factor = member.second_factor_until.is_some_and(|until| self.auth.clock.now() < until);
        let revalidation = self.auth.directory.revalidation(&member.person);
        let wanted = NewToken { name, scope, lifetime, second_factor, revalidation, epoch };
        let (secret, token) = self.tokens.create(&member.person, &wanted).await?;
        self.auth.audit().record(client, &AuditEvent::TokenMade { person: &token.person, token: token.id });
        if self.auth.is_revoked(&member.person.id, ProofKind::ApiToken, epoch) {
            self.revoke_token(token.id, None, client).await.map_err(CreateTokenError::from)?;
            return Err(ApiTokenRefusal::NotInSession);
        }
        Ok((secret, token))
    }

    /// Revokes an API token, of `owner` alone or of anybody, and ends its live connections. `false` when there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the end cannot be written down; the token then goes on.
    pub async fn revoke_token(&self, id: TokenId, owner: Option<&Person>, client: &Client) -> Result<bool, StoreError> {
        let ended = self.tokens.revoke(id, owner).await?;
        if let Some(Token { person, id, .. }) = &ended {
            let event = AuditEvent::TokenEnded { person, token: *id, reason: EndReason::Revoked };
            self.auth.audit().record(client, &event);
        }
        Ok(ended.is_some())
    }

    /// Ends expired tokens, records them in the audit log, and rotates the signing keys. To be called every minute or
    /// so, by one node.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        for token in self.tokens.sweep().await? {
            let event = AuditEvent::TokenEnded { person: &token.person, token: token.id, reason: EndReason::Expired };
            self.auth.audit().record(&Client::default(), &event);
        }
        self.signer.rotate().await
    }

    /// The audit log, for the events of other rooms.
    pub fn audit(&self) -> &Audit {
        self.auth.audit()
    }

    /// The token store, for lists.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The JWT signer, for its public keys.
    pub fn signer(&self) -> &JwtSigner {
        &self.signer
    }
}
