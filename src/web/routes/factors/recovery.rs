use rocket::response::Redirect;
use rocket::{Either, Route, get, post, routes};

use crate::auth::FactorEnrollment;
use crate::domain::Member;
use crate::pages::PageDenied;
use crate::store::StoreError;
use crate::web::NewRecoveryCodes;
use crate::web::guards::{CsrfForm, NoFields, RecentlyAuthenticated};
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::refusal::Refusal;
use crate::web::routes::sign_in_context::SignInContext;
use crate::web::shown_once::NewCodes;
use crate::web::views::{Layout, RecoveryCodesView};

pub(super) fn routes() -> Vec<Route> {
    routes![regenerate, show]
}

/// Creates recovery codes, in place of those from before, for a member who has a factor that they stand in for. Leads to the page
/// that shows them this one time: loading that page again makes no others.
#[post("/recovery", data = "<_sent>")]
async fn regenerate(
    _sent: CsrfForm<'_, NoFields>,
    recent: RecentlyAuthenticated,
    context: SignInContext<'_>,
    new_codes: &NewRecoveryCodes,
) -> Result<Redirect, Refusal> {
    let person = &recent.member.person;
    if !context.auth.needs_second_factor(&person.id).await? {
        return Err(Refusal::BadRequest("Recovery codes stand in for a second factor, and there is none".to_owned()));
    }
    let session = recent.member.session().ok_or(PageDenied::OutOfScope)?;
    let codes = context.auth.create_recovery_codes(person, &recent.client).await?;
    let notice = "These take the place of the codes you had before, which are good no more.";
    new_codes.put(session, NewCodes::new(&codes, notice, String::new())).await?;
    Ok(Redirect::to(codes_page()))
}

/// Shows the codes that this session has just made, once. The response is cached nowhere, like every private page.
#[get("/codes")]
async fn show(
    member: Member,
    layout: Layout,
    new_codes: &NewRecoveryCodes,
) -> Result<Either<Html<RecoveryCodesView>, Redirect>, Refusal> {
    let new = match member.session() {
        Some(session) => new_codes.take(session).await?,
        None => None,
    };
    Ok(match new {
        Some(NewCodes { codes, notice, next }) => {
            let view = RecoveryCodesView::of(&codes, &notice, member.person.qualified_name(), next);
            Either::Left(Html::new("factors/codes", "Your recovery codes", layout, view))
        }
        None => Either::Right(Redirect::to(Link::to("account/factors"))),
    })
}

fn codes_page() -> Link {
    Link::to("account/factors/codes")
}

/// Finishes the enrolment of a factor, in the new session: leads to the recovery codes of whoever had none, or on to `next`. `done`
/// is the word for the list of factors, and the notice above the codes.
pub(super) async fn finish_enrollment(
    context: &SignInContext<'_>,
    new_codes: &NewRecoveryCodes,
    enrolled: FactorEnrollment,
    (done, notice): (&str, &'static str),
    next: String,
) -> Result<Redirect, StoreError> {
    context.set_session_cookie(&enrolled.session.token);
    if let Some(device_cookie) = &enrolled.device_cookie {
        context.cookies.set_device(device_cookie);
    }
    if enrolled.recovery_codes.is_empty() {
        let onward = if next.is_empty() { Link::to("account/factors").with("done", done).to_string() } else { next };
        return Ok(Redirect::to(onward));
    }
    new_codes.put(enrolled.session.session.id, NewCodes::new(&enrolled.recovery_codes, notice, next)).await?;
    Ok(Redirect::to(codes_page()))
}
