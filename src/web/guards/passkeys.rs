use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use crate::factors::{PasskeysUnavailable, RelyingParty};
use crate::web::Transport;
use crate::web::app_state::Passwordless;

/// The passkey support of this site at the address that the request was sent to.
pub(in crate::web) struct Passkeys {
    /// The site that passkeys are bound to, or why there are none.
    pub(in crate::web) site: Result<RelyingParty, PasskeysUnavailable>,
    /// Whether a passkey alone may sign somebody in.
    pub(in crate::web) passwordless: bool,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Passkeys {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        let transport = request.rocket().state::<Transport>();
        let public_url = transport.and_then(|transport| transport.public_url.as_ref());
        let host = request.host().map(ToString::to_string);
        let secure = transport.is_some_and(|transport| transport.secure);
        let site = RelyingParty::for_request(public_url, host.as_deref(), secure);
        let passwordless = site.is_ok() && request.rocket().state::<Passwordless>().is_some_and(|Passwordless(may)| *may);
        Outcome::Success(Self { site, passwordless })
    }
}
