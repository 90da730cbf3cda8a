use rocket::response::Redirect;
use rocket::{Route, get, post, routes};

use crate::auth::Auth;
use crate::domain::PersonId;
use crate::web::form::PersonForm;
use crate::web::guards::{AdminAct, Administrator, CsrfForm, QueryParams};
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::refusal::Refusal;
use crate::web::views::{FactorOwnersView, Layout, Notice, Tone};

pub(super) fn routes() -> Vec<Route> {
    routes![show, reset]
}

/// The most owners on the page: as many as one looks through; a longer list is searched.
const MAX_OWNERS: usize = 100;

/// The people who have second factors.
#[get("/factors")]
async fn show(
    params: QueryParams,
    _administrator: Administrator,
    layout: Layout,
    auth: &Auth,
) -> Result<Html<FactorOwnersView>, Refusal> {
    let find = params.get("find").unwrap_or_default().trim();
    let owners = auth.factors().owners(find, MAX_OWNERS).await?;
    let notice = params.get("done").map(|_| {
        let text = "Their second factors are reset. They set up new ones at their next sign-in, where one is asked for.";
        Notice { tone: Tone::Info, text: text.to_owned() }
    });
    let view = FactorOwnersView::of(owners, find, MAX_OWNERS, notice);
    Ok(Html::new("admin/factors", "Second factors", layout, view))
}

/// Removes all second factors of somebody who has lost them, and said so to an admin who knows them.
#[post("/factors/reset", data = "<sent>")]
async fn reset(sent: CsrfForm<'_, PersonForm<'_>>, act: AdminAct<'_>, auth: &Auth) -> Result<Redirect, Refusal> {
    let person = PersonId::new(sent.person);
    auth.reset_factors(&person, &act.admin, &act.client).await?;
    Ok(Redirect::to(Link::to("admin/factors").with("done", "reset")))
}
