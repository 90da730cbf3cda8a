use std::sync::Arc;
use std::time::Duration;

use rocket::form::{Form, FromForm};
use rocket::response::Redirect;
use rocket::{State, post};

use crate::auth::{Scripts, TokenRefusal};
use crate::domain::{Client, Granted, InvalidScope, Member, TokenId};
use crate::pages::Closed;
use crate::tokens::{InvalidTokenName, MakeError, TokenName};
use crate::web::Transport;
use crate::web::guards::{OwnForm, RecentlyProved};
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::shown::sentence;
use crate::web::views::{Chrome, TokenMadeView};

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
    client: Client,
    own: OwnForm<'_>,
    _recently: RecentlyProved,
    transport: &State<Transport>,
    scripts: &State<Arc<Scripts>>,
) -> Result<Html<TokenMadeView>, Refusal> {
    own.check(form.csrf)?;
    let name: TokenName =
        form.name.parse().map_err(|invalid: InvalidTokenName| Refusal::BadRequest(sentence(&invalid.to_string())))?;
    let scope: Granted =
        form.scope.parse().map_err(|invalid: InvalidScope| Refusal::BadRequest(sentence(&invalid.to_string())))?;
    if form.lasts == 0 {
        return Err(Refusal::BadRequest("Choose how long the token lasts".to_owned()));
    }
    let (secret, token) = scripts.make(&member, name, scope, Duration::from_secs(form.lasts), &client).await?;
    let view = TokenMadeView::of(&secret, &token, transport);
    Ok(Html::new("auth/token_made", "Your new API token", chrome, view))
}

#[derive(FromForm)]
pub(super) struct RevokeForm<'r> {
    #[field(default = "")]
    csrf: &'r str,
}

/// Ends one of one's own tokens. One that has ended before is as one wanted it.
#[post("/account/tokens/<id>/revoke", data = "<form>")]
pub(super) async fn revoke(
    id: i64,
    form: Form<RevokeForm<'_>>,
    member: Member,
    client: Client,
    own: OwnForm<'_>,
    scripts: &State<Arc<Scripts>>,
) -> Result<Redirect, Refusal> {
    own.check(form.csrf)?;
    scripts.revoke(TokenId::new(id), Some(&member.person), &client).await?;
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
