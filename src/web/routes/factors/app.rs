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

/// The form that confirms a new authenticator app.
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

/// The page for a new authenticator app, with its seed as a QR code and as text. Nothing changes by looking at it.
#[get("/account/factors/app")]
pub(in crate::web::routes) fn show(
    params: QueryParams,
    member: Member,
    _recently: RecentlyAuthenticated,
    layout: Layout,
    context: SignInContext<'_>,
) -> Result<Html<AuthenticatorSetupView>, Refusal> {
    let next = params.get("next").and_then(NextPath::parse).map(|next| next.to_string()).unwrap_or_default();
    form(&context, layout, &member.person, None, next)
}

/// Enrols the app, once its first code is right.
#[post("/account/factors/app", data = "<sent>")]
pub(in crate::web::routes) async fn confirm(
    sent: Form<AuthenticatorForm<'_>>,
    member: Member,
    csrf_guard: CsrfGuard<'_>,
    _recently: RecentlyAuthenticated,
    mut layout: Layout,
    context: SignInContext<'_>,
) -> Result<Either<Redirect, Either<Html<RecoveryCodesView>, Html<AuthenticatorSetupView>>>, Refusal> {
    csrf_guard.check(sent.csrf)?;
    let person = &member.person;
    let next = NextPath::parse(sent.next).map(|next| next.to_string()).unwrap_or_default();
    let offer = (sent.sealed, sent.csrf.as_bytes());
    let set_up = match context.auth.enroll_app(csrf_guard.token(), person, offer, sent.code, &context.client).await {
        Ok(set_up) => set_up,
        Err(refusal) => {
            let (status, notice) = second_step::error_notice(refusal)?;
            let form = form(&context, layout, person, Some(notice), next)?;
            return Ok(Either::Right(Either::Right(form.with_status(status))));
        }
    };
    context.set_session_cookie(&set_up.session.token);
    if set_up.recovery_codes.is_empty() {
        let onward = if next.is_empty() { "/account/factors?done=app".to_owned() } else { next };
        return Ok(Either::Left(Redirect::to(onward)));
    }
    context.renew_layout(&mut layout, &set_up.session.token);
    let notice = "Your authenticator app is set up.";
    Ok(Either::Right(Either::Left(recovery::render(layout, person, &set_up.recovery_codes, Some(notice), next))))
}

/// Removes the app.
#[post("/account/factors/app/remove", data = "<sent>")]
pub(in crate::web::routes) async fn remove(
    sent: Form<CsrfForm<'_>>,
    client: Client,
    member: Member,
    csrf_guard: CsrfGuard<'_>,
    _recently: RecentlyAuthenticated,
    context: SignInContext<'_>,
) -> Result<Redirect, Refusal> {
    csrf_guard.check(sent.csrf)?;
    context.auth.remove_app(&member.person, &client).await?;
    Ok(Redirect::to("/account/factors?done=removed"))
}

fn form(
    context: &SignInContext<'_>,
    layout: Layout,
    person: &Person,
    notice: Option<Notice>,
    next: String,
) -> Result<Html<AuthenticatorSetupView>, Refusal> {
    let offer = context.auth.factors().start_app_enrollment(person, &context.site.name, layout.csrf.as_bytes())?;
    Ok(Html::new("factors/app", "Set up an authenticator app", layout, AuthenticatorSetupView::of(&offer, notice, next)))
}
