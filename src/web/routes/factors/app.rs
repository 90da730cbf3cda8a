use rocket::form::FromForm;
use rocket::response::Redirect;
use rocket::{Either, Route, get, post, routes};

use super::recovery;
use crate::auth::NextPath;
use crate::domain::Person;
use crate::web::NewRecoveryCodes;
use crate::web::guards::{CsrfForm, NoFields, QueryParams, RecentlyAuthenticated};
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::refusal::Refusal;
use crate::web::routes::second_step;
use crate::web::routes::sign_in_context::SignInContext;
use crate::web::views::{AuthenticatorSetupView, Layout, Notice};

pub(super) fn routes() -> Vec<Route> {
    routes![show, confirm, remove]
}

/// The form that confirms a new authenticator app.
#[derive(FromForm)]
pub(in crate::web::routes) struct AuthenticatorForm<'r> {
    #[field(default = "")]
    sealed: &'r str,
    #[field(default = "")]
    code: &'r str,
    #[field(default = "")]
    next: &'r str,
}

/// The page for a new authenticator app, with its seed as a QR code and as text. Nothing changes by looking at it.
#[get("/app")]
fn show(
    params: QueryParams,
    recent: RecentlyAuthenticated,
    layout: Layout,
    context: SignInContext<'_>,
) -> Result<Html<AuthenticatorSetupView>, Refusal> {
    let next = params.get("next").and_then(NextPath::parse).map(|next| next.to_string()).unwrap_or_default();
    form(&context, layout, &recent.member.person, None, None, next)
}

/// Enrols the app, once its first code is right.
#[post("/app", data = "<sent>")]
async fn confirm(
    sent: CsrfForm<'_, AuthenticatorForm<'_>>,
    recent: RecentlyAuthenticated,
    layout: Layout,
    context: SignInContext<'_>,
    new_codes: &NewRecoveryCodes,
) -> Result<Either<Redirect, Html<AuthenticatorSetupView>>, Refusal> {
    let person = &recent.member.person;
    let next = NextPath::parse(sent.next).map(|next| next.to_string()).unwrap_or_default();
    let offer = (sent.sealed, sent.csrf().as_bytes());
    let set_up = match context.auth.enroll_app(sent.binding(), person, offer, sent.code, &context.client).await {
        Ok(set_up) => set_up,
        Err(refusal) => {
            let (status, notice) = second_step::error_notice(refusal)?;
            let form = form(&context, layout, person, Some(sent.sealed), Some(notice), next)?;
            return Ok(Either::Right(form.with_status(status)));
        }
    };
    let done = ("app", "Your authenticator app is set up.");
    Ok(Either::Left(recovery::finish_enrollment(&context, new_codes, set_up, done, next).await?))
}

/// Removes the app.
#[post("/app/remove", data = "<_sent>")]
async fn remove(
    _sent: CsrfForm<'_, NoFields>,
    recent: RecentlyAuthenticated,
    context: SignInContext<'_>,
) -> Result<Redirect, Refusal> {
    context.auth.remove_app(&recent.member, &recent.client).await?;
    Ok(Redirect::to(Link::to("account/factors").with("done", "removed")))
}

/// The page with the enrollment that was `sealed` in a form, as the app may have its key already, or with a new one.
fn form(
    context: &SignInContext<'_>,
    layout: Layout,
    person: &Person,
    sealed: Option<&str>,
    notice: Option<Notice>,
    next: String,
) -> Result<Html<AuthenticatorSetupView>, Refusal> {
    let (factors, site, browser) = (context.auth.factors(), &context.site.name, layout.csrf.as_bytes());
    let resumed = sealed.map(|sealed| factors.resume_app_enrollment(person, site, browser, sealed)).transpose()?.flatten();
    let offer = resumed.map_or_else(|| factors.start_app_enrollment(person, site, browser), Ok)?;
    Ok(Html::new("factors/app", "Set up an authenticator app", layout, AuthenticatorSetupView::of(&offer, notice, next)))
}
