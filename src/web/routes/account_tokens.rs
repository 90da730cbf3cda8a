use std::sync::Arc;
use std::time::Duration;

use rocket::form::FromForm;
use rocket::outcome::try_outcome;
use rocket::request::{FromRequest, Outcome, Request};
use rocket::response::Redirect;
use rocket::{State, post};

use crate::auth::{Scripts, TokenRefusal};
use crate::domain::{Client, InvalidScope, Member, TokenId, TokenScope, Visitor};
use crate::pages::{Closed, Shelf};
use crate::tokens::{InvalidTokenName, MakeError, TokenName};
use crate::web::Transport;
use crate::web::form::{Form, PlainForm};
use crate::web::guards::{OwnForm, RecentlyProved, client_of};
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::rooms::Limits;
use crate::web::shown::sentence;
use crate::web::views::{Chrome, TokenMadeView, TokensView};

/// Where tokens are made and ended, and for whom it is done.
pub(super) struct Desk<'r> {
    scripts: &'r Scripts,
    transport: &'r Transport,
    client: Client,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Desk<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        Outcome::Success(Self {
            scripts: try_outcome!(request.guard::<&State<Arc<Scripts>>>().await),
            transport: try_outcome!(request.guard::<&State<Transport>>().await),
            client: client_of(request),
        })
    }
}

/// The section of the account page that has one's own tokens.
pub(super) struct OwnTokens(pub(super) TokensView);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for OwnTokens {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let member = try_outcome!(request.guard::<Member>().await);
        let desk = try_outcome!(request.guard::<Desk<'_>>().await);
        let shelf = try_outcome!(request.guard::<&State<Arc<Shelf>>>().await);
        let limits = try_outcome!(request.guard::<&State<Limits>>().await);
        match desk.scripts.tokens().of(&member.person.id).await {
            Ok(tokens) => {
                let pages = shelf.openable(&Visitor::from(member));
                Outcome::Success(Self(TokensView::of(&tokens, &pages, &limits.tokens)))
            }
            Err(error) => Refusal::from(error).stop(request),
        }
    }
}

#[derive(FromForm)]
pub(super) struct MakeForm<'r> {
    #[field(default = "")]
    csrf: &'r str,
    #[field(default = "")]
    name: &'r str,
    #[field(default = "")]
    scope: &'r str,
    /// Seconds.
    #[field(default = 0)]
    lasts: u64,
}

/// Makes a token, which may outlast the session, so the password is asked for again; and shows it this one time. The answer is kept nowhere, like every private page.
#[post("/account/tokens", data = "<form>")]
pub(super) async fn make(
    form: Form<MakeForm<'_>>,
    member: Member,
    chrome: Chrome,
    own: OwnForm<'_>,
    _recently: RecentlyProved,
    desk: Desk<'_>,
) -> Result<Html<TokenMadeView>, Refusal> {
    own.check(form.csrf)?;
    let name: TokenName =
        form.name.parse().map_err(|invalid: InvalidTokenName| Refusal::BadRequest(sentence(&invalid.to_string())))?;
    let scope: TokenScope =
        form.scope.parse().map_err(|invalid: InvalidScope| Refusal::BadRequest(sentence(&invalid.to_string())))?;
    if form.lasts == 0 {
        return Err(Refusal::BadRequest("Choose how long the token lasts".to_owned()));
    }
    let (secret, token) =
        desk.scripts.make(&member, name, scope, Duration::from_secs(form.lasts), &desk.client).await?;
    let view = TokenMadeView::of(&secret, &token, desk.transport);
    Ok(Html::new("auth/token_made", "Your new API token", chrome, view))
}

/// Ends one of one's own tokens. One that has ended before is as one wanted it.
#[post("/account/tokens/<id>/revoke", data = "<form>")]
pub(super) async fn revoke(
    id: i64,
    form: Form<PlainForm<'_>>,
    member: Member,
    own: OwnForm<'_>,
    desk: Desk<'_>,
) -> Result<Redirect, Refusal> {
    own.check(form.csrf)?;
    desk.scripts.revoke(TokenId::new(id), Some(&member.person), &desk.client).await?;
    Ok(Redirect::to("/account#tokens"))
}

impl From<TokenRefusal> for Refusal {
    fn from(refusal: TokenRefusal) -> Self {
        match refusal {
            TokenRefusal::NotInSession => Self::Closed(Closed::OutOfScope),
            TokenRefusal::Unmade(MakeError::TooMany) => Self::BadRequest(sentence(&MakeError::TooMany.to_string())),
            TokenRefusal::Unmade(MakeError::Store(error)) => Self::StoreUnavailable(error.to_string()),
        }
    }
}
