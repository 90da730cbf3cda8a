use rocket::Request;
use rocket::request::{FromRequest, Outcome};
use url::{Host, Url};

use crate::web::Transport;
use crate::web::refusal::Refusal;

/// Where a browser says that a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Origin {
    /// A page of this site.
    Ours,
    /// A page of another site.
    Foreign,
    /// Nothing is said: not a browser, or an address typed in.
    Unsaid,
}

/// A request that no other site's page has made. Every change of state asks for it.
pub(in crate::web) struct SameOrigin;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Origin {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        let transport = request.rocket().state::<Transport>();
        let here = Here {
            host: request.host().map(ToString::to_string),
            secure: transport.is_some_and(|transport| transport.secure),
            public_url: transport.and_then(|transport| transport.public_url.as_ref()),
        };
        let said = |name| request.headers().get_one(name);
        Outcome::Success(judge(said("Origin"), said("Sec-Fetch-Site"), &here))
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for SameOrigin {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match request.guard::<Origin>().await {
            Outcome::Success(Origin::Ours | Origin::Unsaid) => Outcome::Success(Self),
            _ => Outcome::Error((Refusal::ForeignOrigin.stash(request), ())),
        }
    }
}

/// What an origin must be to be ours.
struct Here<'a> {
    /// The host that the request was sent to.
    host: Option<String>,
    /// Whether browsers come by HTTPS.
    secure: bool,
    /// The address browsers use, when it is set.
    public_url: Option<&'a Url>,
}

/// `Origin` (RFC 6454) decides; `Sec-Fetch-Site` (Fetch Metadata) where there is none.
fn judge(origin: Option<&str>, fetch_site: Option<&str>, here: &Here<'_>) -> Origin {
    match (origin, fetch_site) {
        (Some(origin), _) if is_ours(origin, here) => Origin::Ours,
        (None, Some("same-origin")) => Origin::Ours,
        (None, Some("none") | None) => Origin::Unsaid,
        _ => Origin::Foreign,
    }
}

/// Behind a proxy the public address counts; otherwise the host that the request was sent to. Over our own TLS a page
/// that came by plain HTTP is not ours: whoever sits on the wire can write one. Without TLS either scheme will do, since
/// a proxy may add it, and the scheme that the browser used is not in the request.
fn is_ours(origin: &str, here: &Here<'_>) -> bool {
    let Ok(origin) = Url::parse(origin) else { return false };
    if let Some(public_url) = here.public_url {
        return origin.origin() == public_url.origin();
    }
    let Some(host) = &here.host else { return false };
    let Ok(ours) = Url::parse(&format!("{}://{host}", origin.scheme())) else { return false };
    let schemes: &[&str] = if here.secure { &["https"] } else { &["http", "https"] };
    schemes.contains(&origin.scheme())
        && origin.host().map(|host: Host<&str>| host.to_owned()) == ours.host().map(|host| host.to_owned())
        && origin.port_or_known_default() == ours.port_or_known_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn at(host: &str, secure: bool) -> Here<'static> {
        Here { host: Some(host.to_owned()), secure, public_url: None }
    }

    #[test]
    fn over_tls_a_page_that_came_in_the_clear_is_not_ours() {
        for (origin, expected) in [
            ("https://board.corp:8000", Origin::Ours),
            ("http://board.corp:8000", Origin::Foreign),
            ("https://board.corp", Origin::Foreign),
        ] {
            assert_eq!(judge(Some(origin), None, &at("board.corp:8000", true)), expected, "{origin}");
        }
    }

    #[test]
    fn only_this_sites_pages_are_ours() {
        let here = at("board.corp:8000", false);
        for (origin, expected) in [
            ("http://board.corp:8000", Origin::Ours),
            ("https://board.corp:8000", Origin::Ours),
            ("http://board.corp", Origin::Foreign),
            ("http://board.corp:8001", Origin::Foreign),
            ("http://board.corp.evil.example:8000", Origin::Foreign),
            ("http://evil.example", Origin::Foreign),
            ("null", Origin::Foreign),
            ("file://board.corp:8000", Origin::Foreign),
            ("", Origin::Foreign),
        ] {
            assert_eq!(judge(Some(origin), Some("same-origin"), &here), expected, "{origin}");
        }
        assert_eq!(judge(Some("https://board.corp"), None, &at("board.corp", false)), Origin::Ours);
    }

    #[test]
    fn behind_a_proxy_the_public_address_counts() {
        let public = Url::parse("https://board.corp").unwrap();
        let judged = |origin, host| judge(Some(origin), None, &Here { public_url: Some(&public), ..at(host, true) });
        assert_eq!(judged("https://board.corp", "127.0.0.1:8000"), Origin::Ours);
        assert_eq!(judged("http://board.corp", "board.corp"), Origin::Foreign);
        assert_eq!(judged("http://127.0.0.1:8000", "127.0.0.1:8000"), Origin::Foreign);
    }

    #[test]
    fn without_an_origin_the_browsers_own_word_counts() {
        let here = at("board.corp", true);
        assert_eq!(judge(None, Some("cross-site"), &here), Origin::Foreign);
        assert_eq!(judge(None, Some("same-site"), &here), Origin::Foreign);
        assert_eq!(judge(None, Some("same-origin"), &here), Origin::Ours);
        assert_eq!(judge(None, Some("none"), &here), Origin::Unsaid);
        assert_eq!(judge(None, None, &here), Origin::Unsaid);
    }
}
