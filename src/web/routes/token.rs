use std::time::Duration;

use rocket::http::{ContentType, Header};
use rocket::serde::json::Json;
use rocket::{Responder, Route, get, post, routes};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::auth::{ApiAuth, JwtRefusal, PublicKeys};
use crate::domain::{Client, InvalidScope, Member, TokenScope, Visitor};
use crate::pages::PageDenied;
use crate::web::form::TextBody;
use crate::web::guards::{RequestOrigin, SameOrigin};
use crate::web::refusal::Refusal;

pub(super) fn routes() -> Vec<Route> {
    routes![issue]
}

/// The routes at the addresses that standards name.
pub(super) fn well_known_routes() -> Vec<Route> {
    routes![keys]
}

/// The response with an access token (RFC 6749, 5.1).
#[derive(Serialize)]
pub(super) struct TokenResponse {
    access_token: Zeroizing<String>,
    token_type: &'static str,
    /// Seconds.
    expires_in: u64,
    scope: String,
}

/// Issues a short-lived JWT for the credentials of the request. A session counts only when the browser says that
/// a page of ours asks.
#[post("/", data = "<body>")]
async fn issue(
    body: TextBody,
    kind: Option<&ContentType>,
    visitor: Visitor,
    origin: RequestOrigin,
    _from_here: SameOrigin,
    client: Client,
    api_auth: &ApiAuth,
) -> Result<Json<TokenResponse>, Refusal> {
    let member: Member = match visitor {
        Visitor::Member(member) => *member,
        Visitor::Anonymous => return Err(Refusal::PageDenied(PageDenied::SignInRequired)),
        Visitor::Unconfirmed => return Err(Refusal::Unconfirmed),
    };
    if member.session().is_some() && origin != RequestOrigin::Same {
        return Err(Refusal::ForeignOrigin);
    }
    let issued = api_auth.issue_jwt(&member, requested_scope(&body.0, kind)?, &client).await?;
    Ok(Json(TokenResponse {
        access_token: issued.text,
        token_type: "Bearer",
        expires_in: issued.lifetime.as_secs(),
        scope: issued.scope.to_string(),
    }))
}

/// Parses the requested scope from a form (RFC 6749, 4.4.2); nothing sent is nothing asked for, and what cannot be read
/// is not passed over, or somebody would get more than they asked for.
fn requested_scope(body: &str, kind: Option<&ContentType>) -> Result<Option<TokenScope>, Refusal> {
    if body.is_empty() {
        return Ok(None);
    }
    if !kind.is_some_and(|kind| kind.is_form()) {
        let why = "What is asked for must be sent as a form: scope=read".to_owned();
        return Err(Refusal::BadRequest(why));
    }
    let mut scopes = url::form_urlencoded::parse(body.as_bytes()).filter(|(name, _)| name == "scope");
    let scope = scopes.next().map(|(_, scope)| scope.parse());
    let scope = scope.transpose().map_err(|invalid: InvalidScope| Refusal::BadRequest(invalid.to_string()))?;
    if scopes.next().is_some() {
        return Err(Refusal::BadRequest("There is more than one scope; write them as one, with spaces between".to_owned()));
    }
    Ok(scope)
}

impl From<JwtRefusal> for Refusal {
    fn from(refusal: JwtRefusal) -> Self {
        match refusal {
            JwtRefusal::FromJwt | JwtRefusal::Scope => Self::PageDenied(PageDenied::OutOfScope),
            JwtRefusal::TooMany { retry_after } => Self::RateLimited(retry_after.max(Duration::from_secs(1))),
            JwtRefusal::Store(error) => Self::StoreUnavailable(error.to_string()),
            JwtRefusal::Signing(cause) => Self::Internal(cause),
        }
    }
}

/// The JSON Web Key Set by which anybody can verify JWTs (RFC 7517, 5).
#[derive(Responder)]
pub(super) struct JwksResponse {
    keys: Json<PublicKeys>,
    caching: Header<'static>,
}

/// The public keys. A key signs as soon as it is made, so whoever caches this asks again for a key they do not know.
#[get("/jwks.json")]
fn keys(api_auth: &ApiAuth) -> JwksResponse {
    let caching = Header::new("Cache-Control", "public, max-age=300");
    JwksResponse { keys: Json(api_auth.signer().public_keys()), caching }
}
