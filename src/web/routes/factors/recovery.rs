use rocket::response::Redirect;
use rocket::{Either, Route, post, routes};

use crate::auth::FactorEnrollment;
use crate::domain::Person;
use crate::factors::RecoveryCode;
use crate::web::guards::{CsrfForm, NoFields, RecentlyAuthenticated};
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::refusal::Refusal;
use crate::web::routes::sign_in_context::SignInContext;
use crate::web::views::{Layout, RecoveryCodesView};

pub(super) fn routes() -> Vec<Route> {
    routes![regenerate]
}

/// Creates recovery codes, in place of those from before, for a member who has a factor that they stand in for.
#[post("/recovery", data = "<_sent>")]
async fn regenerate(
    _sent: CsrfForm<'_, NoFields>,
    recent: RecentlyAuthenticated,
    layout: Layout,
    context: SignInContext<'_>,
) -> Result<Html<RecoveryCodesView>, Refusal> {
    let person = &recent.member.person;
    if !context.auth.needs_second_factor(&person.id).await? {
        return Err(Refusal::BadRequest("Recovery codes stand in for a second factor, and there is none".to_owned()));
    }
    let codes = context.auth.create_recovery_codes(person, &recent.client).await?;
    let notice = "These take the place of the codes you had before, which are good no more.";
    Ok(render(layout, person, &codes, notice, String::new()))
}

/// Finishes the enrolment of a factor, in the new session: shows the recovery codes of whoever had none, or leads on to
/// `next`. `done` is the word for the list of factors, and the notice above the codes.
pub(super) fn finish_enrollment(
    context: &SignInContext<'_>,
    mut layout: Layout,
    person: &Person,
    enrolled: &FactorEnrollment,
    (done, notice): (&str, &str),
    next: String,
) -> Either<Redirect, Html<RecoveryCodesView>> {
    context.set_session_cookie(&enrolled.session.token);
    if let Some(device_cookie) = &enrolled.device_cookie {
        context.cookies.set_device(device_cookie);
    }
    if enrolled.recovery_codes.is_empty() {
        let onward = if next.is_empty() { Link::to("account/factors").with("done", done).to_string() } else { next };
        return Either::Left(Redirect::to(onward));
    }
    context.renew_layout(&mut layout, &enrolled.session.token);
    Either::Right(render(layout, person, &enrolled.recovery_codes, notice, next))
}

/// The page with new codes, shown this once.
fn render(layout: Layout, person: &Person, codes: &[RecoveryCode], notice: &str, next: String) -> Html<RecoveryCodesView> {
    let view = RecoveryCodesView::of(codes, notice, person.qualified_name(), next);
    Html::new("factors/codes", "Your recovery codes", layout, view)
}
