use std::sync::Arc;

use async_trait::async_trait;

use super::SchemeParts;
use super::bearer::{self, not_ours, require_valid};
use crate::audit::AuditEvent;
use crate::auth::ApiAuth;
use crate::auth::scheme::{AuthError, AuthRequest, AuthScheme};
use crate::domain::{Credential, Member, RootCredential, Scope, Visitor};
use crate::store::RowWatch;
use crate::tokens::{ApiToken, TOKEN_PREFIX};

/// Personal API tokens: `Bearer bvt_…` (RFC 6750).
struct ApiTokens(Arc<ApiAuth>);

pub(super) fn scheme(parts: &SchemeParts<'_>) -> Box<dyn AuthScheme> {
    Box::new(ApiTokens(Arc::clone(parts.api_auth)))
}

#[async_trait]
impl AuthScheme for ApiTokens {
    fn recognizes(&self, request: &dyn AuthRequest) -> bool {
        bearer::token(request).is_some_and(|token| token.starts_with(TOKEN_PREFIX))
    }

    async fn authenticate(&self, request: &dyn AuthRequest) -> Result<Visitor, AuthError> {
        let secret: Option<ApiToken> = bearer::token(request).and_then(|token| token.parse().ok());
        let (secret, client) = (secret.ok_or_else(not_ours)?, request.client());
        let Some(token) = require_valid(self.0.tokens.find(&secret, &client).await?)? else {
            return Ok(Visitor::Unconfirmed);
        };
        if token.last_address != client.address() || token.last_used_at.is_none() {
            self.0.audit().record(&client, &AuditEvent::TokenUsed { person: &token.person, token: token.id });
        }
        Ok(Visitor::from(Member {
            second_factor_until: token.second_factor.then_some(token.expires_at),
            person: token.person,
            credential: Credential::stored(RootCredential::Token(token.id)),
            scope: Scope::Limited(token.scope),
        }))
    }

    /// One for JWTs too.
    fn challenge(&self, request: &dyn AuthRequest) -> Option<String> {
        (!request.is_browser()).then(|| bearer::challenge(""))
    }

    fn watch(&self, member: &Member) -> Option<RowWatch> {
        match member.credential.root {
            RootCredential::Token(id) => Some(self.0.tokens.watch(id, &member.person)),
            _ => None,
        }
    }
}
