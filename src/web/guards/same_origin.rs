use rocket::Request;
use rocket::request::{FromRequest, Outcome};
use url::{Host, Url};

use crate::web::AppState;
use crate::web::proxy_hints::OriginMismatch;
use crate::web::refusal::Refusal;

/// The origin of a request, as its browser tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum RequestOrigin {
    /// A page of this site.
    Same,
    /// A page of another site.
    Foreign,
    /// Not told: not a browser, or an address typed in.
    Unknown,
}

/// A request that no page of another site has made. Every change of state asks for it.
pub(in crate::web) struct SameOrigin;

impl RequestOrigin {
    pub(in crate::web) fn of(request: &Request<'_>) -> Self {
        let header = |name| request.headers().get_one(name);
        classify(header("Origin"), header("Sec-Fetch-Site"), &ServerOrigin::of(request))
    }
}

/// Logs which two origins do not fit, and the setting that may be missing.
pub(in crate::web) fn hint_at_origin(request: &Request<'_>) {
    let AppState { proxy_hints, clock, .. } = AppState::of(request);
    let told = request.headers().get_one("Origin").unwrap_or("none");
    let own = ServerOrigin::of(request).to_string();
    proxy_hints.foreign_origin(&OriginMismatch { told, own: &own }, clock.now());
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for RequestOrigin {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        Outcome::Success(Self::of(request))
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for SameOrigin {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match RequestOrigin::of(request) {
            RequestOrigin::Same | RequestOrigin::Unknown => Outcome::Success(Self),
            RequestOrigin::Foreign => Refusal::ForeignOrigin.into_outcome(request),
        }
    }
}

/// This server's own origin, as far as it is known.
struct ServerOrigin<'a> {
    /// The host that the request was sent to.
    host: Option<String>,
    /// Whether browsers come by HTTPS.
    secure: bool,
    /// The address browsers use, when it is set.
    public_url: Option<&'a Url>,
}

impl<'a> ServerOrigin<'a> {
    fn of(request: &'a Request<'_>) -> Self {
        let transport = &AppState::of(request).transport;
        Self {
            host: request.host().map(ToString::to_string),
            secure: transport.secure,
            public_url: transport.public_url.as_ref(),
        }
    }
}

impl std::fmt::Display for ServerOrigin<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(public_url) = self.public_url {
            return f.write_str(&public_url.origin().ascii_serialization());
        }
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host.as_deref().unwrap_or_default())
    }
}

/// Classifies a request's origin. `Origin` (RFC 6454) decides; `Sec-Fetch-Site` (Fetch Metadata) where there is none.
fn classify(origin: Option<&str>, fetch_site: Option<&str>, server: &ServerOrigin<'_>) -> RequestOrigin {
    match (origin, fetch_site) {
        (Some(origin), _) if is_same_origin(origin, server) => RequestOrigin::Same,
        (None, Some("same-origin")) => RequestOrigin::Same,
        (None, Some("none") | None) => RequestOrigin::Unknown,
        _ => RequestOrigin::Foreign,
    }
}

/// Whether an origin is this server's. Behind a proxy the public address counts; otherwise the host that the request
/// was sent to. Over our own TLS a page that came by plain HTTP is not ours: whoever sits on the wire can write one.
/// Without TLS either scheme will do, since a proxy may add it, and the scheme that the browser used is not in the
/// request.
fn is_same_origin(origin: &str, server: &ServerOrigin<'_>) -> bool {
    let Ok(origin) = Url::parse(origin) else { return false };
    if let Some(public_url) = server.public_url {
        return origin.origin() == public_url.origin();
    }
    let Some(host) = &server.host else { return false };
    let Ok(ours) = Url::parse(&format!("{}://{host}", origin.scheme())) else { return false };
    let schemes: &[&str] = if server.secure { &["https"] } else { &["http", "https"] };
    schemes.contains(&origin.scheme())
        && origin.host().map(|host: Host<&str>| host.to_owned()) == ours.host().map(|host| host.to_owned())
        && origin.port_or_known_default() == ours.port_or_known_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn at(host: &str, secure: bool) -> ServerOrigin<'static> {
        ServerOrigin { host: Some(host.to_owned()), secure, public_url: None }
    }

    #[test]
    fn over_tls_a_page_that_came_in_the_clear_is_not_ours() {
        for (origin, expected) in [
            ("https://board.corp:8000", RequestOrigin::Same),
            ("http://board.corp:8000", RequestOrigin::Foreign),
            ("https://board.corp", RequestOrigin::Foreign),
        ] {
            assert_eq!(classify(Some(origin), None, &at("board.corp:8000", true)), expected, "{origin}");
        }
    }

    #[test]
    fn only_this_sites_pages_are_ours() {
        let server = at("board.corp:8000", false);
        for (origin, expected) in [
            ("http://board.corp:8000", RequestOrigin::Same),
            ("https://board.corp:8000", RequestOrigin::Same),
            ("http://board.corp", RequestOrigin::Foreign),
            ("http://board.corp:8001", RequestOrigin::Foreign),
            ("http://board.corp.evil.example:8000", RequestOrigin::Foreign),
            ("http://evil.example", RequestOrigin::Foreign),
            ("null", RequestOrigin::Foreign),
            ("file://board.corp:8000", RequestOrigin::Foreign),
            ("", RequestOrigin::Foreign),
        ] {
            assert_eq!(classify(Some(origin), Some("same-origin"), &server), expected, "{origin}");
        }
        assert_eq!(classify(Some("https://board.corp"), None, &at("board.corp", false)), RequestOrigin::Same);
    }

    #[test]
    fn behind_a_proxy_the_public_address_counts() {
        let public = Url::parse("https://board.corp").unwrap();
        let judged = |origin, host| classify(Some(origin), None, &ServerOrigin { public_url: Some(&public), ..at(host, true) });
        assert_eq!(judged("https://board.corp", "127.0.0.1:8000"), RequestOrigin::Same);
        assert_eq!(judged("http://board.corp", "board.corp"), RequestOrigin::Foreign);
        assert_eq!(judged("http://127.0.0.1:8000", "127.0.0.1:8000"), RequestOrigin::Foreign);
    }

    #[test]
    fn without_an_origin_the_browsers_own_word_counts() {
        let server = at("board.corp", true);
        assert_eq!(classify(None, Some("cross-site"), &server), RequestOrigin::Foreign);
        assert_eq!(classify(None, Some("same-site"), &server), RequestOrigin::Foreign);
        assert_eq!(classify(None, Some("same-origin"), &server), RequestOrigin::Same);
        assert_eq!(classify(None, Some("none"), &server), RequestOrigin::Unknown);
        assert_eq!(classify(None, None, &server), RequestOrigin::Unknown);
    }
}
