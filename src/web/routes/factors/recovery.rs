use rocket::post;

use crate::domain::{Client, Member, Person};
use crate::factors::RecoveryCode;
use crate::web::form::{CsrfForm, Form};
use crate::web::guards::{CsrfGuard, RecentlyAuthenticated};
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::routes::sign_in_context::SignInContext;
use crate::web::views::{Layout, RecoveryCodesView};

/// Creates recovery codes, in place of those from before, for a member who has a factor that they stand in for.
#[post("/account/factors/recovery", data = "<sent>")]
pub(in crate::web::routes) async fn regenerate(
    sent: Form<CsrfForm<'_>>,
    client: Client,
    member: Member,
    csrf_guard: CsrfGuard<'_>,
    _recently: RecentlyAuthenticated,
    layout: Layout,
    context: SignInContext<'_>,
) -> Result<Html<RecoveryCodesView>, Refusal> {
    csrf_guard.check(sent.csrf)?;
    let person = &member.person;
    if !context.auth.needs_second_factor(&person.id).await? {
        return Err(Refusal::BadRequest("Recovery codes stand in for a second factor, and there is none".to_owned()));
    }
    let codes = context.auth.create_recovery_codes(person, &client).await?;
    let notice = "These take the place of the codes you had before, which are good no more.";
    Ok(render(layout, person, &codes, Some(notice), String::new()))
}

/// The page with new codes, shown this once.
pub(super) fn render(
    layout: Layout,
    person: &Person,
    codes: &[RecoveryCode],
    notice: Option<&str>,
    next: String,
) -> Html<RecoveryCodesView> {
    let view = RecoveryCodesView::of(codes, notice, person.qualified_name(), next);
    Html::new("factors/codes", "Your recovery codes", layout, view)
}
