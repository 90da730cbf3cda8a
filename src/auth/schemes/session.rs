use std::sync::Arc;

use async_trait::async_trait;

use super::SchemeParts;
use crate::auth::Auth;
use crate::auth::scheme::{AuthError, AuthRequest, AuthScheme, REALM};
use crate::domain::{Member, RootCredential, Visitor};
use crate::store::RowWatch;

/// The cookie of a session, which begins with a form. Asked last: an `Authorization` header is sent on purpose.
struct SessionCookie {
    auth: Arc<Auth>,
    name: &'static str,
    sign_in_path: String,
}

pub(super) fn scheme(parts: &SchemeParts<'_>) -> Box<dyn AuthScheme> {
    let sign_in_path = parts.sign_in_path.clone();
    Box::new(SessionCookie { auth: Arc::clone(parts.auth), name: parts.session_cookie, sign_in_path })
}

/// The challenge for the sign-in form at a path: the scheme of draft-broyer-http-cookie-auth, which browsers do not know and so
/// do not pop up for.
pub fn form_challenge(path: &str) -> String {
    format!("Cookie realm=\"{REALM}\", form-action=\"{path}\"")
}

#[async_trait]
impl AuthScheme for SessionCookie {
    fn recognizes(&self, request: &dyn AuthRequest) -> bool {
        request.cookie(self.name).is_some()
    }

    async fn authenticate(&self, request: &dyn AuthRequest) -> Result<Visitor, AuthError> {
        let token = request.cookie(self.name).and_then(|value| value.parse().ok());
        Ok(self.auth.visitor(token.as_ref()).await?)
    }

    fn challenge(&self, _request: &dyn AuthRequest) -> Option<String> {
        Some(form_challenge(&self.sign_in_path))
    }

    fn watch(&self, member: &Member) -> Option<RowWatch> {
        match member.credential.root {
            RootCredential::Session(id) => Some(self.auth.sessions.watch(id, &member.person)),
            _ => None,
        }
    }
}
