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

/// The most owners on the page: as many as one looks through; a longer list is searched.
const MAX_OWNERS: usize = 100;

#[derive(FromForm)]
pub(super) struct ResetFactorsForm<'r> {
    #[field(default = "")]
    csrf: &'r str,
    #[field(default = "")]
    person: &'r str,
}

/// The people who have second factors.
#[get("/factors")]
pub(super) async fn show(
    params: QueryParams,
    _administrator: Administrator,
    layout: Layout,
    context: SignInContext<'_>,
) -> Result<Html<FactorOwnersView>, Refusal> {
    let find = params.get("find").unwrap_or_default().trim();
    let owners = context.auth.factors().owners(find, MAX_OWNERS).await?;
    let notice = params.get("done").map(|_| {
        let text = "Their second factors are reset. They set up new ones at their next sign-in, where one is asked for.";
        Notice { tone: Tone::Info, text: text.to_owned() }
    });
    let view = FactorOwnersView::of(owners, find, MAX_OWNERS, notice);
    Ok(Html::new("admin/factors", "Second factors", layout, view))
}

/// Removes all second factors of somebody who has lost them, and said so to an admin who knows them.
#[post("/factors/reset", data = "<sent>")]
pub(super) async fn reset(
    sent: Form<ResetFactorsForm<'_>>,
    client: Client,
    administrator: Administrator,
    csrf_guard: CsrfGuard<'_>,
    _recently: RecentlyAuthenticated,
    context: SignInContext<'_>,
) -> Result<Redirect, Refusal> {
    csrf_guard.check(sent.csrf)?;
    let person = PersonId::new(sent.person);
    context.auth.reset_factors(&person, &administrator.0, &client).await?;
    Ok(Redirect::to("/admin/factors?done=reset"))
}
