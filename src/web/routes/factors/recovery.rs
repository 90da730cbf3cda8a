use rocket::{Route, post, routes};

use crate::domain::Person;
use crate::factors::RecoveryCode;
use crate::web::guards::{CsrfForm, NoFields, RecentlyAuthenticated};
use crate::web::html::Html;
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
