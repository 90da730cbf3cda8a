use rocket::outcome::try_outcome;
use rocket::request::{FromRequest, Outcome, Request};

use super::SameOrigin;
use crate::auth::{CsrfBinding, Keys};
use crate::sessions::SessionToken;
use crate::web::AppState;
use crate::web::cookies::Cookies;
use crate::web::refusal::Refusal;

/// A request of the same origin, from a browser that has a session. What changes something for a member asks for this,
/// and for [`CsrfGuard::check`] before anything is changed.
pub(in crate::web) struct CsrfGuard<'r> {
    token: SessionToken,
    keys: &'r Keys,
}

impl CsrfGuard<'_> {
    /// Verifies that the form was made for this very session: `csrf` is the token from its hidden field.
    ///
    /// # Errors
    /// [`Refusal::CsrfMismatch`], which is audited.
    pub(in crate::web) fn check(&self, csrf: &str) -> Result<(), Refusal> {
        if self.keys.verify_csrf_token(CsrfBinding::Session(&self.token), csrf) { Ok(()) } else { Err(Refusal::CsrfMismatch) }
    }

    /// The session's token.
    pub(in crate::web) fn token(&self) -> &SessionToken {
        &self.token
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for CsrfGuard<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let SameOrigin = try_outcome!(request.guard::<SameOrigin>().await);
        match Cookies::of(request).session() {
            Some(token) => Outcome::Success(Self { token, keys: AppState::of(request).auth.keys() }),
            None => Refusal::CsrfMismatch.into_outcome(request),
        }
    }
}
