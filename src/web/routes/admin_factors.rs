use rocket::form::FromForm;
use rocket::response::Redirect;
use rocket::{get, post};

use super::sign_in_context::SignInContext;
use crate::domain::{Client, PersonId};
use crate::web::form::Form;
use crate::web::guards::{Administrator, CsrfGuard, QueryParams, RecentlyAuthenticated};
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::views::{FactorOwnersView, Layout, Notice, Tone};

/// As many as one looks through; a longer list is searched.
const MAX_OWNERS: usize = 100;

#[derive(FromForm)]
pub(super) struct ResetFactorsForm<'r> {
    #[field(default = "")]
    csrf: &'r str,
    #[field(default = "")]
    person: &'r str,
}

/// Who has second factors.
#[get("/factors")]
pub(super) async fn show(
    asked: QueryParams,
    _administrator: Administrator,
    chrome: Layout,
    doorstep: SignInContext<'_>,
) -> Result<Html<FactorOwnersView>, Refusal> {
    let find = asked.get("find").unwrap_or_default().trim();
    let owners = doorstep.auth.factors().owners(find, MAX_OWNERS).await?;
    let said = asked.get("done").map(|_| {
        let text =
            "Their second factors are reset. They set up new ones at their next sign-in, where one is asked for.";
        Notice { tone: Tone::Info, text: text.to_owned() }
    });
    let view = FactorOwnersView::of(owners, find, MAX_OWNERS, said);
    Ok(Html::new("admin/factors", "Second factors", chrome, view))
}

/// Takes all second factors of somebody away, who has lost them and said so to an admin who knows them.
#[post("/factors/reset", data = "<sent>")]
pub(super) async fn reset(
    sent: Form<ResetFactorsForm<'_>>,
    client: Client,
    administrator: Administrator,
    own: CsrfGuard<'_>,
    _recently: RecentlyAuthenticated,
    doorstep: SignInContext<'_>,
) -> Result<Redirect, Refusal> {
    own.check(sent.csrf)?;
    let person = PersonId::new(sent.person);
    doorstep.auth.reset_factors(&person, &administrator.0, &client).await?;
    Ok(Redirect::to("/admin/factors?done=reset"))
}
