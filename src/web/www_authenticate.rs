use rocket::Request;
use rocket::http::Header;

use crate::auth::{ApiAuthError, SignInRefusal, TokenError};

use super::refusal::{Refusal, wants_html};
use super::{AppState, digest};

/// The realm of the challenges (RFC 9110, 11.5).
const REALM: &str = "Belvedere";

/// The path that monitoring systems read, which have tokens and no names.
const METRICS_PATH: &str = "/metrics";

/// Rejected credentials of an `Authorization` header: a message for whoever sent it, and a code for programs.
#[derive(Clone, Debug)]
pub(super) struct RejectedAuthorization {
    /// The error code for scripts.
    pub(super) code: &'static str,
    /// The message, as a sentence without its full stop.
    pub(super) message: String,
    /// Whether it was a token, whose challenge RFC 6750 defines.
    is_token: bool,
}

impl RejectedAuthorization {
    /// There is more than one header: whichever was meant, the other must not count.
    pub(super) fn multiple_headers() -> Self {
        let message = "There is more than one Authorization header, and only one can count".to_owned();
        Self { code: "bad-authorization", message, is_token: false }
    }
}

impl From<ApiAuthError> for Refusal {
    fn from(refusal: ApiAuthError) -> Self {
        let rejected = |code, is_token, message: String| {
            Self::AuthorizationRejected(RejectedAuthorization { code, message: capitalize(&message), is_token })
        };
        match refusal {
            ApiAuthError::Invalid(invalid) => rejected("bad-authorization", false, invalid.to_string()),
            ApiAuthError::NotAccepted(why) => rejected("not-taken", false, why.to_owned()),
            ApiAuthError::SecondFactor => rejected("second-factor", false, refusal.to_string()),
            ApiAuthError::Token(fault) => rejected(token_error_code(fault), true, fault.to_string()),
            ApiAuthError::Store(error) | ApiAuthError::Password(SignInRefusal::Store(error)) => {
                Self::StoreUnavailable(error.to_string())
            }
            ApiAuthError::Password(SignInRefusal::DirectoryUnreachable(unreachable)) => {
                Self::StoreUnavailable(unreachable.to_string())
            }
            // A throttled try looks like a wrong one: whoever guesses learns nothing from it.
            ApiAuthError::Password(SignInRefusal::WrongCredentials | SignInRefusal::Throttled { .. }) => {
                let message = "the name and password did not match; after several wrong tries, wait a few minutes";
                rejected("wrong-credentials", false, message.to_owned())
            }
            ApiAuthError::Password(refusal) => rejected("account-refused", false, refusal.to_string()),
        }
    }
}

fn token_error_code(fault: TokenError) -> &'static str {
    match fault {
        TokenError::Unknown => "invalid-token",
        TokenError::Expired => "expired-token",
        TokenError::Revoked => "revoked-token",
        TokenError::Unconfirmed => "unconfirmed-token",
    }
}

/// Capitalizes a sentence; the full stop is added by whoever shows it.
pub(super) fn capitalize(message: &str) -> String {
    let mut characters = message.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// The `WWW-Authenticate` challenges of a refusal (RFC 9110, 15.5.2 wants one with every 401). A browser gets the
/// form's alone: for Basic it would pop up a window, over a page that has a better way in.
pub(super) fn challenges(refusal: &Refusal, request: &Request<'_>) -> Vec<Header<'static>> {
    let bearer = |attributes: &str| Header::new("WWW-Authenticate", format!("Bearer realm=\"{REALM}\"{attributes}"));
    if refusal.is_out_of_scope() {
        // RFC 6750, 3.1: the only challenge that comes with a 403.
        return vec![bearer(", error=\"insufficient_scope\"")];
    }
    let digest = digest::challenge(request);
    if is_browser(request) {
        return [form_challenge()].into_iter().chain(digest).collect();
    }
    let fault = match refusal {
        Refusal::AuthorizationRejected(rejected) if rejected.is_token => {
            format!(", error=\"invalid_token\", error_description=\"{}\"", rejected.message)
        }
        _ => String::new(),
    };
    let mut challenges = vec![bearer(&fault)];
    if AppState::of(request).api_auth.accepts_basic() && request.uri().path() != METRICS_PATH {
        challenges.push(Header::new("WWW-Authenticate", format!("Basic realm=\"{REALM}\", charset=\"UTF-8\"")));
    }
    challenges.extend(digest);
    challenges.push(form_challenge());
    challenges
}

/// The challenge for the sign-in form: the scheme of draft-broyer-http-cookie-auth, which browsers do not know and so
/// do not pop up for.
pub(super) fn form_challenge() -> Header<'static> {
    Header::new("WWW-Authenticate", format!("Cookie realm=\"{REALM}\", form-action=\"/login\""))
}

/// Whether a browser asks, be it for a page or on a script's behalf: those of today say what they fetch it for (Fetch
/// Metadata), and every browser calls itself Mozilla.
pub(super) fn is_browser(request: &Request<'_>) -> bool {
    let headers = request.headers();
    let is_mozilla = headers.get_one("User-Agent").is_some_and(|agent| agent.starts_with("Mozilla/"));
    is_mozilla || wants_html(request) || headers.contains("Sec-Fetch-Mode") || headers.contains("Sec-Fetch-Site")
}
