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
        let public_url = transport.and_then(|transport| transport.public_url.as_ref());
        let host = request.host().map(ToString::to_string);
        let said = |name| request.headers().get_one(name);
        Outcome::Success(judge(said("Origin"), said("Sec-Fetch-Site"), host.as_deref(), public_url))
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

/// `Origin` (RFC 6454) decides; `Sec-Fetch-Site` (Fetch Metadata) where there is none.
fn judge(origin: Option<&str>, fetch_site: Option<&str>, host: Option<&str>, public_url: Option<&Url>) -> Origin {
    match (origin, fetch_site) {
        (Some(origin), _) if is_ours(origin, host, public_url) => Origin::Ours,
        (None, Some("same-origin")) => Origin::Ours,
        (None, Some("none") | None) => Origin::Unsaid,
        _ => Origin::Foreign,
    }
}

/// Behind a proxy the public address counts; otherwise the host that the request was sent to, under either scheme,
/// since the scheme that the browser used is not in the request.
fn is_ours(origin: &str, host: Option<&str>, public_url: Option<&Url>) -> bool {
    let Ok(origin) = Url::parse(origin) else { return false };
    if let Some(public_url) = public_url {
        return origin.origin() == public_url.origin();
    }
    let Some(host) = host else { return false };
    let Ok(ours) = Url::parse(&format!("{}://{host}", origin.scheme())) else { return false };
    matches!(origin.scheme(), "http" | "https")
        && origin.host().map(|host: Host<&str>| host.to_owned()) == ours.host().map(|host| host.to_owned())
        && origin.port_or_known_default() == ours.port_or_known_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn only_this_sites_pages_are_ours() {
        let host = Some("board.corp:8000");
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
            assert_eq!(judge(Some(origin), Some("same-origin"), host, None), expected, "{origin}");
        }
        assert_eq!(judge(Some("https://board.corp"), None, Some("board.corp"), None), Origin::Ours);
    }

    #[test]
    fn behind_a_proxy_the_public_address_counts() {
        let public = Url::parse("https://board.corp").unwrap();
        assert_eq!(judge(Some("https://board.corp"), None, Some("127.0.0.1:8000"), Some(&public)), Origin::Ours);
        assert_eq!(judge(Some("http://board.corp"), None, Some("board.corp"), Some(&public)), Origin::Foreign);
        assert_eq!(judge(Some("http://127.0.0.1:8000"), None, Some("127.0.0.1:8000"), Some(&public)), Origin::Foreign);
    }

    #[test]
    fn without_an_origin_the_browsers_own_word_counts() {
        assert_eq!(judge(None, Some("cross-site"), None, None), Origin::Foreign);
        assert_eq!(judge(None, Some("same-site"), None, None), Origin::Foreign);
        assert_eq!(judge(None, Some("same-origin"), None, None), Origin::Ours);
        assert_eq!(judge(None, Some("none"), None, None), Origin::Unsaid);
        assert_eq!(judge(None, None, None, None), Origin::Unsaid);
    }
}
