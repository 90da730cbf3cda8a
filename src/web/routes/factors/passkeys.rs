use rocket::form::FromForm;
use rocket::response::Redirect;
use rocket::serde::json::Json;
use rocket::{Either, get, post};

use super::recovery;
use crate::auth::NextPath;
use crate::domain::{Client, Member};
use crate::factors::{self, PasskeyId, PasskeyRefusal, PasskeyResponse};
use crate::web::form::{CsrfForm, Form};
use crate::web::guards::{CsrfGuard, Passkeys, QueryParams, RecentlyAuthenticated};
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::routes::second_step;
use crate::web::routes::sign_in_context::SignInContext;
use crate::web::views::{Layout, PasskeySetupView, RecoveryCodesView};

#[derive(FromForm)]
pub(in crate::web::routes) struct NewPasskeyForm<'r> {
    #[field(default = "")]
    csrf: &'r str,
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
#[get("/account/factors/passkeys")]
pub(in crate::web::routes) fn show(
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
#[post("/account/factors/passkeys/options", data = "<sent>")]
pub(in crate::web::routes) async fn options(
    sent: Form<CsrfForm<'_>>,
    member: Member,
    csrf_guard: CsrfGuard<'_>,
    _recently: RecentlyAuthenticated,
    passkeys: Passkeys,
    context: SignInContext<'_>,
) -> Result<Json<factors::PasskeyChallenge>, Refusal> {
    csrf_guard.check(sent.csrf)?;
    let site = passkeys.site.map_err(|_| Refusal::NotFound)?;
    let challenge = context.auth.factors().start_passkey_registration(&member.person, &site, sent.csrf.as_bytes()).await;
    challenge.map(Json).map_err(|refusal| match refusal {
        PasskeyRefusal::Store(error) => error.into(),
        PasskeyRefusal::TooMany => Refusal::BadRequest(refusal.to_string()),
        other => Refusal::Internal(other.to_string()),
    })
}

/// Enrols a new passkey.
#[post("/account/factors/passkeys", data = "<sent>")]
pub(in crate::web::routes) async fn add(
    sent: Form<NewPasskeyForm<'_>>,
    member: Member,
    csrf_guard: CsrfGuard<'_>,
    _recently: RecentlyAuthenticated,
    mut layout: Layout,
    passkeys: Passkeys,
    context: SignInContext<'_>,
) -> Result<Either<Redirect, Either<Html<RecoveryCodesView>, Html<PasskeySetupView>>>, Refusal> {
    csrf_guard.check(sent.csrf)?;
    let person = &member.person;
    let site = passkeys.site.map_err(|_| Refusal::NotFound)?;
    let next = NextPath::parse(sent.next).map(|next| next.to_string()).unwrap_or_default();
    let response = PasskeyResponse { credential: sent.credential, sealed: sent.sealed };
    let binding = (&site, sent.csrf.as_bytes());
    let set_up =
        match context.auth.enroll_passkey(csrf_guard.token(), person, sent.name, binding, response, &context.client).await {
            Ok(set_up) => set_up,
            Err(refusal) => {
                let (status, notice) = second_step::error_notice(refusal)?;
                let view = PasskeySetupView { notice: Some(notice), next };
                let form = Html::new("factors/passkey", "Set up a passkey", layout, view);
                return Ok(Either::Right(Either::Right(form.with_status(status))));
            }
        };
    context.set_session_cookie(&set_up.session.token);
    if set_up.recovery_codes.is_empty() {
        let onward = if next.is_empty() { "/account/factors?done=passkey".to_owned() } else { next };
        return Ok(Either::Left(Redirect::to(onward)));
    }
    context.renew_layout(&mut layout, &set_up.session.token);
    let notice = "Your passkey is set up.";
    Ok(Either::Right(Either::Left(recovery::render(layout, person, &set_up.recovery_codes, Some(notice), next))))
}

/// Removes a passkey.
#[post("/account/factors/passkeys/<id>/remove", data = "<sent>")]
pub(in crate::web::routes) async fn remove(
    id: i64,
    sent: Form<CsrfForm<'_>>,
    client: Client,
    member: Member,
    csrf_guard: CsrfGuard<'_>,
    _recently: RecentlyAuthenticated,
    context: SignInContext<'_>,
) -> Result<Redirect, Refusal> {
    csrf_guard.check(sent.csrf)?;
    context.auth.remove_passkey(&member.person, PasskeyId::new(id), &client).await?;
    Ok(Redirect::to("/account/factors?done=removed"))
}
