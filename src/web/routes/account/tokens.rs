use std::time::Duration;

use rocket::form::FromForm;
use rocket::outcome::try_outcome;
use rocket::request::{FromRequest, Outcome, Request};
use rocket::response::Redirect;
use rocket::{Either, Route, get, post, routes};

use crate::auth::{ApiAuth, ApiTokenRefusal};
use crate::domain::{Client, InvalidScope, Member, TokenId, TokenScope, Visitor};
use crate::pages::PageDenied;
use crate::tokens::{CreateTokenError, InvalidTokenName, TokenLookup, TokenName};
use crate::web::guards::{CsrfForm, NoFields, RecentlyAuthenticated, SiteAddress};
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::refusal::{Refusal, capitalize};
use crate::web::shown_once::NewTokenSecret;
use crate::web::views::{Layout, NewTokenView, TokensView};
use crate::web::{AppState, NewTokens};

pub(super) fn routes() -> Vec<Route> {
    routes![create, show_new, revoke]
}

/// The section of the account page that has one's own tokens.
pub(super) struct OwnTokens(pub(super) TokensView);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for OwnTokens {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let member = try_outcome!(request.guard::<Member>().await);
        let AppState { api_auth, page_store, settings, .. } = AppState::of(request);
        match api_auth.tokens().of_person(&member.person.id).await {
            Ok(tokens) => {
                let pages = page_store.authorized_pages(&Visitor::from(member));
                Outcome::Success(Self(TokensView::of(&tokens, &pages, &settings.tokens)))
            }
            Err(error) => Refusal::from(error).into_outcome(request),
        }
    }
}

#[derive(FromForm)]
pub(super) struct CreateTokenForm<'r> {
    #[field(default = "")]
    name: &'r str,
    #[field(default = "")]
    scope: &'r str,
    /// Seconds.
    #[field(default = 0)]
    lasts: u64,
}

/// Creates a token, and leads to the page that shows it this one time: loading that page again makes no second one. It may outlast
/// the session, so the password is asked for again.
#[post("/tokens", data = "<form>")]
async fn create(
    form: CsrfForm<'_, CreateTokenForm<'_>>,
    recent: RecentlyAuthenticated,
    api_auth: &ApiAuth,
    new_tokens: &NewTokens,
) -> Result<Redirect, Refusal> {
    let name: TokenName =
        form.name.parse().map_err(|invalid: InvalidTokenName| Refusal::BadRequest(capitalize(&invalid.to_string())))?;
    let scope: TokenScope =
        form.scope.parse().map_err(|invalid: InvalidScope| Refusal::BadRequest(capitalize(&invalid.to_string())))?;
    if form.lasts == 0 {
        return Err(Refusal::BadRequest("Choose how long the token lasts".to_owned()));
    }
    let lifetime = Duration::from_secs(form.lasts);
    let session = recent.member.session().ok_or(ApiTokenRefusal::NotInSession)?;
    let (secret, token) = api_auth.create_token(&recent.member, name, scope, lifetime, &recent.client).await?;
    new_tokens.put(session, NewTokenSecret { id: token.id, secret }).await?;
    Ok(Redirect::to(Link::to("account/tokens/new")))
}

/// Shows a token that this session has just made, once. The response is cached nowhere, like every private page.
#[get("/tokens/new")]
async fn show_new(
    member: Member,
    layout: Layout,
    new_tokens: &NewTokens,
    api_auth: &ApiAuth,
    site: SiteAddress,
) -> Result<Either<Html<NewTokenView>, Redirect>, Refusal> {
    let new = match member.session() {
        Some(session) => new_tokens.take(session).await?,
        None => None,
    };
    if let Some(NewTokenSecret { id, secret }) = new
        && let TokenLookup::Valid(token) = api_auth.tokens().get(id).await?
    {
        let view = NewTokenView::of(&secret, &token, site.0);
        return Ok(Either::Left(Html::new("auth/token_made", "Your new API token", layout, view)));
    }
    Ok(Either::Right(Redirect::to(Link::to("account#tokens"))))
}

/// Revokes one of one's own tokens. It is no error when that has ended before.
#[post("/tokens/<id>/revoke", data = "<_form>")]
async fn revoke(
    id: i64,
    _form: CsrfForm<'_, NoFields>,
    member: Member,
    client: Client,
    api_auth: &ApiAuth,
) -> Result<Redirect, Refusal> {
    api_auth.revoke_token(TokenId::new(id), Some(&member.person), &client).await?;
    Ok(Redirect::to(Link::to("account#tokens")))
}

impl From<ApiTokenRefusal> for Refusal {
    fn from(refusal: ApiTokenRefusal) -> Self {
        match refusal {
            ApiTokenRefusal::NotInSession => Self::PageDenied(PageDenied::OutOfScope),
            ApiTokenRefusal::NotCreated(CreateTokenError::TooMany) => {
                Self::BadRequest(capitalize(&CreateTokenError::TooMany.to_string()))
            }
            ApiTokenRefusal::NotCreated(CreateTokenError::Store(error)) => Self::StoreUnavailable(error.to_string()),
        }
    }
}
