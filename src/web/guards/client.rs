use std::convert::Infallible;
use std::net::IpAddr;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use crate::domain::Client;
use crate::web::AppState;
use crate::web::cookies::Cookies;

/// The client of the request: its address and its program.
#[rocket::async_trait]
impl<'r> FromRequest<'r> for Client {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        Outcome::Success(client_of(request))
    }
}

/// The client that sent the request, as far as one can know.
pub(in crate::web) fn client_of(request: &Request<'_>) -> Client {
    let client = Client::new(address_of(request), request.headers().get_one("User-Agent"));
    client.with_device_cookie(Cookies::of(request).device())
}

/// The client's address. The header that Rocket's `ip_header` names is for those who set it; otherwise the proxies that
/// the settings name are trusted, and nobody else.
pub(in crate::web) fn address_of(request: &Request<'_>) -> Option<IpAddr> {
    let peer = request.remote().map(|peer| peer.ip());
    let proxies = &AppState::of(request).transport.trusted_proxies;
    request.real_ip().or_else(|| match peer {
        // The values are bounded by the size of a head; to read them from the end they are gathered first.
        Some(peer) if proxies.contains(peer) => {
            let forwarded: Vec<&str> = request.headers().get("X-Forwarded-For").collect();
            Some(proxies.client_address(peer, forwarded.into_iter()))
        }
        _ => peer,
    })
}
