use std::sync::Arc;

use async_trait::async_trait;

use super::SchemeParts;
use super::bearer::{self, TokenError, not_ours, require_valid};
use crate::auth::jwt::{Claims, JwtError, from_unix_seconds};
use crate::auth::scheme::{AuthError, AuthRequest, AuthScheme};
use crate::auth::{ApiAuth, EncodedJwt, proof_kind};
use crate::domain::{Credential, Member, Person, PersonId, RootCredential, Scope, TokenScope, Visitor};

/// JWTs that [`ApiAuth`] issued: every Bearer token but an API token (RFC 6750), whose challenge
/// asks for either.
struct Jwts(Arc<ApiAuth>);

pub(super) fn scheme(parts: &SchemeParts<'_>) -> Box<dyn AuthScheme> {
    Box::new(Jwts(Arc::clone(parts.api_auth)))
}

#[async_trait]
impl AuthScheme for Jwts {
    fn recognizes(&self, request: &dyn AuthRequest) -> bool {
        bearer::token(request).is_some()
    }

    async fn authenticate(&self, request: &dyn AuthRequest) -> Result<Visitor, AuthError> {
        let text = bearer::token(request).and_then(EncodedJwt::parse).ok_or_else(not_ours)?;
        self.0.signer.look_for_key_of(&text).await?;
        let claims = self.0.signer.verify(&text).map_err(|error| match error {
            JwtError::Invalid => TokenError::Unknown,
            JwtError::Expired => TokenError::Expired,
        })?;
        let scope: TokenScope = claims.scope.parse().map_err(|_| TokenError::Unknown)?;
        let Some(person) = self.subject_of(&claims).await? else { return Ok(Visitor::Unconfirmed) };
        if person.id.as_str() != claims.sub {
            return Err(TokenError::Unknown.into());
        }
        if self.0.auth.is_revoked(&person.id, proof_kind(claims.root), claims.epoch) {
            return Err(TokenError::Revoked.into());
        }
        let now = self.0.auth.clock.now();
        Ok(Visitor::from(Member {
            person,
            scope: Scope::Limited(scope),
            second_factor_until: claims.second_factor_until.map(from_unix_seconds).filter(|until| now < *until),
            credential: Credential::issued(claims.root, from_unix_seconds(claims.exp), claims.epoch),
        }))
    }
}

impl Jwts {
    /// The subject of a JWT, as described now; the credential it was issued from must still be valid. `None` when nobody
    /// could confirm them for too long.
    async fn subject_of(&self, claims: &Claims) -> Result<Option<Person>, AuthError> {
        let ApiAuth { auth, tokens, .. } = &*self.0;
        match claims.root {
            RootCredential::Token(id) => Ok(require_valid(tokens.get(id).await?)?.map(|token| token.person)),
            RootCredential::Session(id) => {
                let session = auth.sessions.get(id).await?.ok_or(TokenError::Revoked)?;
                Ok((!session.is_stale(auth.clock.now())).then_some(session.person))
            }
            RootCredential::PerRequest => {
                let subject = auth.password_subjects.get(&PersonId::new(&*claims.sub)).await?;
                Ok(Some(subject.ok_or(TokenError::Revoked)?))
            }
        }
    }
}
