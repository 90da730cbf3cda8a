use std::convert::Infallible;
use std::net::IpAddr;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use crate::web::AppState;

/// The address of this site as the browser came by it, without a path: `https://boards.corp.example.com`. For links and
/// commands that are used outside the page.
pub(in crate::web) struct SiteAddress(pub(in crate::web) String);

impl SiteAddress {
    fn of(request: &Request<'_>) -> Self {
        let transport = &AppState::of(request).transport;
        if let Some(public_url) = &transport.public_url {
            return Self(public_url.as_str().trim_end_matches('/').to_owned());
        }
        let peer = request.remote().map(|peer| peer.ip());
        let is_encrypted_at_proxy = peer.is_some_and(|peer| transport.trusted_proxies.contains(peer))
            && request.headers().get_one("X-Forwarded-Proto").is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
        let scheme = if transport.secure || is_encrypted_at_proxy { "https" } else { "http" };
        Self(format!("{scheme}://{}", request.host().map(ToString::to_string).unwrap_or_default()))
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for SiteAddress {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        Outcome::Success(Self::of(request))
    }
}

/// The address at which a proxy on this machine reaches the server.
pub(in crate::web) struct UpstreamAddress(pub(in crate::web) String);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for UpstreamAddress {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        let config = request.rocket().config();
        let scheme = if config.tls_enabled() { "https" } else { "http" };
        let host = match config.address {
            every @ (IpAddr::V4(_) | IpAddr::V6(_)) if every.is_unspecified() => "127.0.0.1".to_owned(),
            IpAddr::V6(address) => format!("[{address}]"),
            IpAddr::V4(address) => address.to_string(),
        };
        Outcome::Success(Self(format!("{scheme}://{host}:{}", config.port)))
    }
}
