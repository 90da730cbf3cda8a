//! HTTP Digest authentication of requests, and its challenge.

use rocket::Request;
use rocket::http::Header;

use super::AppState;
use super::guards::client_of;
use super::refusal::Refusal;
use super::www_authenticate::is_browser;
use crate::auth::{DigestAuth, DigestRefusal, DigestRequest};
use crate::domain::Member;

/// A failed Digest attempt, for the challenge that goes with the refusal.
#[derive(Clone, Copy, Default)]
struct DigestAttempt {
    was_made: bool,
    is_stale: bool,
}

/// Authenticates a request by Digest; `None` when it has no Digest credentials, or Digest is off.
pub(super) async fn member_by_digest(request: &Request<'_>) -> Option<Result<Member, Refusal>> {
    let digest = configured(request)?;
    let authorization = request.headers().get_one("Authorization").filter(|value| DigestAuth::is_digest(value))?;
    let target = request.uri().to_string();
    let digest_request = DigestRequest { method: request.method().as_str(), target: &target, authorization };
    let refusal = match digest.authenticate(digest_request, &client_of(request)).await {
        Ok(member) => return Some(Ok(member)),
        Err(DigestRefusal::Store(error)) => return Some(Err(error.into())),
        Err(refusal) => refusal,
    };
    request.local_cache(|| DigestAttempt { was_made: true, is_stale: matches!(refusal, DigestRefusal::Stale) });
    Some(Err(Refusal::DigestRefused))
}

/// The challenge that goes with a status of 401: for programs, and for whoever has tried. A browser would pop up a
/// window of its own for it, in which nobody of a directory's gets any further.
pub(super) fn challenge(request: &Request<'_>) -> Option<Header<'static>> {
    let digest = configured(request)?;
    let DigestAttempt { was_made: it_was, is_stale: stale } = *request.local_cache(DigestAttempt::default);
    if is_browser(request) && !it_was {
        return None;
    }
    let challenge = digest.challenge(stale);
    let challenge = challenge.inspect_err(|error| tracing::error!(%error, "nobody can be asked for Digest")).ok()?;
    Some(Header::new("WWW-Authenticate", challenge))
}

fn configured<'r>(request: &'r Request<'_>) -> Option<&'r DigestAuth> {
    AppState::of(request).digest.as_ref()
}
