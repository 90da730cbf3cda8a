use rocket::post;

use crate::domain::{Client, Member, Person};
use crate::factors::RecoveryCode;
use crate::web::form::{CsrfForm, Form};
use crate::web::guards::{CsrfGuard, RecentlyAuthenticated};
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::routes::sign_in_context::SignInContext;
use crate::web::views::{Layout, RecoveryCodesView};

/// New recovery codes, in place of those from before, for whoever has a factor that they stand in for.
#[post("/account/factors/recovery", data = "<sent>")]
pub(in crate::web::routes) async fn renew(
    sent: Form<CsrfForm<'_>>,
    client: Client,
    member: Member,
    own: CsrfGuard<'_>,
    _recently: RecentlyAuthenticated,
    chrome: Layout,
    doorstep: SignInContext<'_>,
) -> Result<Html<RecoveryCodesView>, Refusal> {
    own.check(sent.csrf)?;
    let person = &member.person;
    if !doorstep.auth.needs_second_factor(&person.id).await? {
        return Err(Refusal::BadRequest("Recovery codes stand in for a second factor, and there is none".to_owned()));
    }
    let codes = doorstep.auth.make_recovery_codes(person, &client).await?;
    let said = "These take the place of the codes you had before, which are good no more.";
    Ok(render(chrome, person, &codes, Some(said), String::new()))
}

/// The codes, shown this once.
pub(super) fn render(
    chrome: Layout,
    person: &Person,
    codes: &[RecoveryCode],
    said: Option<&str>,
    next: String,
) -> Html<RecoveryCodesView> {
    let view = RecoveryCodesView::of(codes, said, person.qualified_name(), next);
    Html::new("factors/codes", "Your recovery codes", chrome, view)
}
