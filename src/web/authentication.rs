//! Authentication of requests: what the schemes see of Rocket's, and the challenges that go with a refusal.

use rocket::Request;
use rocket::http::{Cookie, Header};

use crate::auth::{AuthError, AuthRequest, insufficient_scope_challenge};
use crate::domain::Client;

use super::AppState;
use super::guards::client_of;
use super::links::Link;
use super::refusal::{Refusal, wants_html};

/// A request as the schemes see it.
pub(super) struct WebRequest<'r, 'life>(pub(super) &'r Request<'life>);

impl AuthRequest for WebRequest<'_, '_> {
    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    fn path(&self) -> &str {
        self.0.uri().path().as_str()
    }

    fn query(&self) -> Option<&str> {
        self.0.uri().query().map(|query| query.as_str())
    }

    fn headers(&self, name: &str) -> Vec<&str> {
        self.0.headers().get(name).collect()
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        self.0.cookies().get(name).map(Cookie::value)
    }

    fn client(&self) -> Client {
        client_of(self.0)
    }

    /// Those of today say what they fetch it for (Fetch Metadata), and every browser calls itself Mozilla.
    fn is_browser(&self) -> bool {
        let headers = self.0.headers();
        let is_mozilla = headers.get_one("User-Agent").is_some_and(|agent| agent.starts_with("Mozilla/"));
        is_mozilla || wants_html(self.0) || headers.contains("Sec-Fetch-Mode") || headers.contains("Sec-Fetch-Site")
    }

    /// The API is for programs, and some of them call themselves Mozilla too (PowerShell).
    fn is_of_page(&self) -> bool {
        self.is_browser() && !self.path().starts_with(Link::to("api/").as_str())
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Rejected(rejection) => Self::AuthorizationRejected(rejection),
            AuthError::Unavailable(cause) => Self::StoreUnavailable(cause),
        }
    }
}

/// The `WWW-Authenticate` challenges of a refusal.
pub(super) fn challenges(refusal: &Refusal, request: &Request<'_>) -> Vec<Header<'static>> {
    let rejection = match refusal {
        Refusal::AuthorizationRejected(rejection) => Some(rejection),
        _ => None,
    };
    let challenges = if refusal.is_out_of_scope() {
        vec![insufficient_scope_challenge()]
    } else {
        AppState::of(request).authenticator.challenges(&WebRequest(request), rejection)
    };
    challenges.into_iter().map(|challenge| Header::new("WWW-Authenticate", challenge)).collect()
}
