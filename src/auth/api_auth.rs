use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use zeroize::Zeroizing;

use super::jwt::{Claims, JwtError, from_unix_seconds, to_unix_seconds};
use super::{ApiAuthError, Auth, AuthorizationHeader, EncodedJwt, JwtSigner, TokenError};
use crate::audit::{Audit, AuditEvent};
use crate::config::BasicSettings;
use crate::domain::{
    Client, Credential, EndReason, Member, Person, PersonId, Revalidation, RootCredential, Scope, Timestamp, TokenId,
    TokenScope, Visitor,
};
use crate::store::StoreError;
use crate::tokens::{ApiToken, CreateTokenError, NewToken, Token, TokenLookup, TokenName, Tokens};

/// The most people with JWTs made from a name and a password: more than any company's scripts have within the minutes
/// that such a token lasts. Who is forgotten for want of room asks for another token.
const MAX_PASSWORD_SUBJECTS: usize = 4096;

/// Authentication for scripts: verifies `Authorization` headers, and issues and revokes API tokens and JWTs.
pub struct ApiAuth {
    auth: Arc<Auth>,
    tokens: Tokens,
    signer: JwtSigner,
    basic: BasicSettings,
    /// The subjects of JWTs that were made from a password, as the directory described them then, and until when. In
    /// memory alone: after a restart those scripts ask for another token.
    password_subjects: Cache<PersonId, (Person, Timestamp)>,
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
    pub fn new(auth: Arc<Auth>, tokens: Tokens, signer: JwtSigner, basic: BasicSettings) -> Self {
        Self { auth, tokens, signer, basic, password_subjects: Cache::new(MAX_PASSWORD_SUBJECTS) }
    }

    /// Authenticates a header. [`Visitor::Unconfirmed`] when the directory could not be asked about its owner for too
    /// long; never [`Visitor::Anonymous`].
    ///
    /// # Errors
    /// An [`ApiAuthError`], as far as a visitor may know it.
    pub async fn visitor(&self, header: &str, client: &Client) -> Result<Visitor, ApiAuthError> {
        let found = self.authenticate(header, client).await;
        let reason = match &found {
            Err(ApiAuthError::Token(error)) => error.as_str(),
            Err(ApiAuthError::Invalid(_)) => "unreadable",
            Err(ApiAuthError::NotAccepted(_)) => "not-taken",
            Err(ApiAuthError::SecondFactor) => "second-factor",
            // The sign-in has its own word, and a store that fails says nothing about the credentials.
            Ok(_) | Err(ApiAuthError::Password(_) | ApiAuthError::Store(_)) => return found,
        };
        self.auth.audit().record(client, &AuditEvent::AuthorizationRefused { reason });
        found
    }

    async fn authenticate(&self, header: &str, client: &Client) -> Result<Visitor, ApiAuthError> {
        match AuthorizationHeader::parse(header)? {
            AuthorizationHeader::Basic { .. } if !self.basic.enabled => {
                Err(ApiAuthError::NotAccepted("names and passwords are not taken here: use an API token"))
            }
            AuthorizationHeader::Basic { username, password } => self.authenticate_basic(&username, password, client).await,
            AuthorizationHeader::ApiToken(token) => self.authenticate_token(&token, client).await,
            AuthorizationHeader::Jwt(text) => self.authenticate_jwt(&text).await,
        }
    }

    /// Authenticates a name and a password; not enough for somebody with a second factor: a script cannot show it, and
    /// a token made by a session that did carries it.
    async fn authenticate_basic(
        &self,
        username: &str,
        password: Zeroizing<String>,
        client: &Client,
    ) -> Result<Visitor, ApiAuthError> {
        let member = self.auth.authenticate_basic(username, password, client).await?;
        if self.auth.needs_second_factor(&member.person.id).await? {
            return Err(ApiAuthError::SecondFactor);
        }
        Ok(member.into())
    }

    async fn authenticate_token(&self, secret: &ApiToken, client: &Client) -> Result<Visitor, ApiAuthError> {
        let Some(token) = require_valid(self.tokens.find(secret, client).await?)? else {
            return Ok(Visitor::Unconfirmed);
        };
        if token.last_address != client.address() || token.last_used_at.is_none() {
            self.auth.audit().record(client, &AuditEvent::TokenUsed { person: &token.person, token: token.id });
        }
        Ok(Visitor::from(Member {
            second_factor_until: token.second_factor.then_some(token.expires_at),
            person: token.person,
            credential: Credential::Token(token.id),
            scope: Scope::Limited(token.scope),
        }))
    }

    async fn authenticate_jwt(&self, text: &EncodedJwt) -> Result<Visitor, ApiAuthError> {
        let claims = self.signer.verify(text).map_err(|error| match error {
            JwtError::Invalid => TokenError::Unknown,
            JwtError::Expired => TokenError::Expired,
        })?;
        let scope: TokenScope = claims.scope.parse().map_err(|_| TokenError::Unknown)?;
        let Some(person) = self.subject_of(&claims).await? else { return Ok(Visitor::Unconfirmed) };
        if person.id.as_str() != claims.sub {
            return Err(TokenError::Unknown.into());
        }
        let (until, now) = (from_unix_seconds(claims.exp), self.auth.clock.now());
        Ok(Visitor::from(Member {
            person,
            scope: Scope::Limited(scope),
            second_factor_until: claims.second_factor_until.map(from_unix_seconds).filter(|until| now < *until),
            credential: Credential::Jwt { jti: claims.jti, expires_at: until, root: claims.root },
        }))
    }

    /// The subject of a JWT, as described now; the credential it was made from must still be valid. `None` when nobody
    /// could confirm them for too long.
    async fn subject_of(&self, claims: &Claims) -> Result<Option<Person>, ApiAuthError> {
        match claims.root {
            RootCredential::Token(id) => Ok(require_valid(self.tokens.get(id).await?)?.map(|token| token.person)),
            RootCredential::Session(id) => {
                let session = self.auth.sessions.get(id).await?.ok_or(TokenError::Revoked)?;
                Ok((!session.is_stale(self.auth.clock.now())).then_some(session.person))
            }
            RootCredential::Password => {
                let subject = self.password_subjects.get(&PersonId::new(&*claims.sub)).ok_or(TokenError::Revoked)?;
                let (person, until) = subject;
                if self.auth.clock.now() < until { Ok(Some(person)) } else { Err(TokenError::Revoked.into()) }
            }
        }
    }

    /// Issues a JWT for the member's credential, with the scope `wanted` or else all of the credential's.
    ///
    /// # Errors
    /// [`JwtRefusal`].
    pub fn issue_jwt(&self, member: &Member, wanted: Option<TokenScope>, client: &Client) -> Result<IssuedJwt, JwtRefusal> {
        let allowed = member.scope.token_scope();
        let scope = wanted.unwrap_or_else(|| allowed.clone());
        if !allowed.covers(&scope) {
            return Err(JwtRefusal::Scope);
        }
        if matches!(member.credential, Credential::Jwt { .. }) {
            return Err(JwtRefusal::FromJwt);
        }
        let root = member.credential.root();
        let claims = Claims {
            sub: member.person.id.as_str().to_owned(),
            scope: scope.to_string(),
            root,
            second_factor_until: member.second_factor_until.map(to_unix_seconds),
            ..self.signer.new_claims()?
        };
        let text = self.signer.sign(&claims).map_err(JwtRefusal::Signing)?;
        if root == RootCredential::Password {
            self.password_subjects.insert(member.person.id.clone(), (member.person.clone(), from_unix_seconds(claims.exp)));
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
        if member.session().is_none() {
            return Err(ApiTokenRefusal::NotInSession);
        }
        let second_factor = member.second_factor_until.is_some_and(|until| self.auth.clock.now() < until);
        let revalidation = self.auth.directory.revalidation(&member.person);
        let wanted = NewToken { name, scope, lifetime, second_factor, revalidation };
        let (secret, token) = self.tokens.create(&member.person, &wanted).await?;
        self.auth.audit().record(client, &AuditEvent::TokenMade { person: &token.person, token: token.id });
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
    /// so.
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

    /// Whether Basic authentication is accepted.
    pub fn accepts_basic(&self) -> bool {
        self.basic.enabled
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

/// The token, when it is valid; `None` when the directory could not be asked about its person for too long.
fn require_valid(found: TokenLookup) -> Result<Option<Token>, TokenError> {
    match found {
        TokenLookup::Valid(token) => Ok(Some(token)),
        TokenLookup::Stale(Token { revalidation: Revalidation::Refreshed, .. }) => Ok(None),
        TokenLookup::Stale(_) => Err(TokenError::Unconfirmed),
        TokenLookup::Ended(EndReason::Expired) => Err(TokenError::Expired),
        TokenLookup::Ended(EndReason::Revoked | EndReason::SignedOut) => Err(TokenError::Revoked),
        TokenLookup::NotFound => Err(TokenError::Unknown),
    }
}
