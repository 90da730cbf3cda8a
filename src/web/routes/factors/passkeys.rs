use rocket::form::FromForm;
use rocket::response::Redirect;
use rocket::serde::json::Json;
use rocket::{Either, Route, get, post, routes};

use super::recovery;
use crate::auth::NextPath;
use crate::factors::{self, PasskeyId, PasskeyResponse};
use crate::web::NewRecoveryCodes;
use crate::web::guards::{CsrfForm, NoFields, Passkeys, QueryParams, RecentlyAuthenticated};
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::refusal::Refusal;
use crate::web::routes::second_step;
use crate::web::routes::sign_in_context::SignInContext;
use crate::web::views::{Layout, PasskeySetupView};

pub(super) fn routes() -> Vec<Route> {
    routes![show, options, add, remove]
}

#[derive(FromForm)]
pub(in crate::web::routes) struct NewPasskeyForm<'r> {
    #[field(default = "")]
    name: &'r str,
    #[field(default = "")]
    credential: &'r str,
    #[field(default = "")]
    sealed: &'r str,
    #[field(default = "")]
    next: &'r str,
}

/// The form for a new passkey.
#[get("/passkeys")]
fn show(
    params: QueryParams,
    _recently: RecentlyAuthenticated,
    layout: Layout,
    passkeys: Passkeys,
) -> Result<Html<PasskeySetupView>, Refusal> {
    passkeys.site.map_err(|_| Refusal::NotFound)?;
    let next = params.get("next").and_then(NextPath::parse).map(|next| next.to_string()).unwrap_or_default();
    Ok(Html::new("factors/passkey", "Set up a passkey", layout, PasskeySetupView { notice: None, next }))
}

/// The options for creating a passkey, which the page's script hands to the browser.
#[post("/passkeys/options", data = "<sent>")]
async fn options(
    sent: CsrfForm<'_, NoFields>,
    recent: RecentlyAuthenticated,
    passkeys: Passkeys,
    context: SignInContext<'_>,
) -> Result<Json<factors::PasskeyChallenge>, Refusal> {
    let site = passkeys.site.map_err(|_| Refusal::NotFound)?;
    let (factors, person) = (context.auth.factors(), &recent.member.person);
    Ok(Json(factors.start_passkey_registration(person, &site, sent.csrf().as_bytes()).await?))
}

/// Enrols a new passkey.
#[post("/passkeys", data = "<sent>")]
async fn add(
    sent: CsrfForm<'_, NewPasskeyForm<'_>>,
    recent: RecentlyAuthenticated,
    layout: Layout,
    passkeys: Passkeys,
    context: SignInContext<'_>,
    new_codes: &NewRecoveryCodes,
) -> Result<Either<Redirect, Html<PasskeySetupView>>, Refusal> {
    let person = &recent.member.person;
    let site = passkeys.site.map_err(|_| Refusal::NotFound)?;
    let next = NextPath::parse(sent.next).map(|next| next.to_string()).unwrap_or_default();
    let response = PasskeyResponse { credential: sent.credential, sealed: sent.sealed };
    let binding = (&site, sent.csrf().as_bytes());
    let set_up = match context.auth.enroll_passkey(sent.binding(), person, sent.name, binding, response, &context.client).await
    {
        Ok(set_up) => set_up,
        Err(refusal) => {
            let (status, notice) = second_step::error_notice(refusal)?;
            let view = PasskeySetupView { notice: Some(notice), next };
            let form = Html::new("factors/passkey", "Set up a passkey", layout, view);
            return Ok(Either::Right(form.with_status(status)));
        }
    };
    let done = ("passkey", "Your passkey is set up.");
    Ok(Either::Left(recovery::finish_enrollment(&context, new_codes, set_up, done, next).await?))
}

/// Removes a passkey.
#[post("/passkeys/<id>/remove", data = "<_sent>")]
async fn remove(
    id: i64,
    _sent: CsrfForm<'_, NoFields>,
    recent: RecentlyAuthenticated,
    context: SignInContext<'_>,
) -> Result<Redirect, Refusal> {
    context.auth.remove_passkey(&recent.member, PasskeyId::new(id), &recent.client).await?;
    Ok(Redirect::to(Link::to("account/factors").with("done", "removed")))
}
