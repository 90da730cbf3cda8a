use rocket::form::FromForm;
use rocket::response::Redirect;
use rocket::{Either, get, post};

use super::recovery;
use crate::auth::NextPath;
use crate::domain::{Client, Member, Person};
use crate::web::form::{CsrfForm, Form};
use crate::web::guards::{CsrfGuard, QueryParams, RecentlyAuthenticated};
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::routes::second_step;
use crate::web::routes::sign_in_context::SignInContext;
use crate::web::views::{AuthenticatorSetupView, Layout, Notice, RecoveryCodesView};

/// The token, and where to go on to.
#[derive(FromForm)]
pub(in crate::web::routes) struct AuthenticatorForm<'r> {
    #[field(default = "")]
    csrf: &'r str,
    #[field(default = "")]
    sealed: &'r str,
    #[field(default = "")]
    code: &'r str,
    #[field(default = "")]
    next: &'r str,
}

/// A new seed, as a picture and as text. Nothing changes by looking at it.
#[get("/account/factors/app")]
pub(in crate::web::routes) fn offer(
    asked: QueryParams,
    member: Member,
    _recently: RecentlyAuthenticated,
    chrome: Layout,
    doorstep: SignInContext<'_>,
) -> Result<Html<AuthenticatorSetupView>, Refusal> {
    let next = asked.get("next").and_then(NextPath::parse).map(|next| next.to_string()).unwrap_or_default();
    form(&doorstep, chrome, &member.person, None, next)
}

/// Keeps the app, once its first code is right.
#[post("/account/factors/app", data = "<sent>")]
pub(in crate::web::routes) async fn confirm(
    sent: Form<AuthenticatorForm<'_>>,
    member: Member,
    own: CsrfGuard<'_>,
    _recently: RecentlyAuthenticated,
    mut chrome: Layout,
    doorstep: SignInContext<'_>,
) -> Result<Either<Redirect, Either<Html<RecoveryCodesView>, Html<AuthenticatorSetupView>>>, Refusal> {
    own.check(sent.csrf)?;
    let person = &member.person;
    let next = NextPath::parse(sent.next).map(|next| next.to_string()).unwrap_or_default();
    let offer = (sent.sealed, sent.csrf.as_bytes());
    let set_up = match doorstep.auth.set_up_app(own.token(), person, offer, sent.code, &doorstep.client).await {
        Ok(set_up) => set_up,
        Err(refusal) => {
            let (status, said) = second_step::error_notice(refusal)?;
            let form = form(&doorstep, chrome, person, Some(said), next)?;
            return Ok(Either::Right(Either::Right(form.with_status(status))));
        }
    };
    doorstep.set_session_cookie(&set_up.session.token);
    if set_up.recovery_codes.is_empty() {
        let onward = if next.is_empty() { "/account/factors?done=app".to_owned() } else { next };
        return Ok(Either::Left(Redirect::to(onward)));
    }
    doorstep.renew_layout(&mut chrome, &set_up.session.token);
    let said = "Your authenticator app is set up.";
    Ok(Either::Right(Either::Left(recovery::render(chrome, person, &set_up.recovery_codes, Some(said), next))))
}

/// Takes the app away.
#[post("/account/factors/app/remove", data = "<sent>")]
pub(in crate::web::routes) async fn remove(
    sent: Form<CsrfForm<'_>>,
    client: Client,
    member: Member,
    own: CsrfGuard<'_>,
    _recently: RecentlyAuthenticated,
    doorstep: SignInContext<'_>,
) -> Result<Redirect, Refusal> {
    own.check(sent.csrf)?;
    doorstep.auth.remove_app(&member.person, &client).await?;
    Ok(Redirect::to("/account/factors?done=removed"))
}

fn form(
    doorstep: &SignInContext<'_>,
    chrome: Layout,
    person: &Person,
    said: Option<Notice>,
    next: String,
) -> Result<Html<AuthenticatorSetupView>, Refusal> {
    let offer = doorstep.auth.factors().offer_app(person, &doorstep.site.name, chrome.csrf.as_bytes())?;
    Ok(Html::new("factors/app", "Set up an authenticator app", chrome, AuthenticatorSetupView::of(&offer, said, next)))
}
