use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use crate::factors::{PasskeysUnavailable, RelyingParty};
use crate::web::AppState;

/// The passkey support of this site at the address that the request was sent to.
pub(in crate::web) struct Passkeys {
    /// The site that passkeys are bound to, or why there are none.
    pub(in crate::web) site: Result<RelyingParty, PasskeysUnavailable>,
    /// Whether a passkey alone may sign somebody in.
    pub(in crate::web) passwordless: bool,
}

impl Passkeys {
    pub(in crate::web) fn of(request: &Request<'_>) -> Self {
        let AppState { transport, passwordless, .. } = AppState::of(request);
        let host = request.host().map(ToString::to_string);
        let site = RelyingParty::for_request(transport.public_url.as_ref(), host.as_deref(), transport.secure);
        let passwordless = site.is_ok() && *passwordless;
        Self { site, passwordless }
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Passkeys {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        Outcome::Success(Self::of(request))
    }
}
