use std::time::Duration;

use rocket::{Route, get, routes};

use crate::domain::{Client, Holder, Visitor};
use crate::web::AppState;
use crate::web::guards::QueryParams;
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::views::{Layout, PageView};

pub(super) fn routes() -> Vec<Route> {
    routes![show]
}

/// How long the first paint waits for panels that never had a reading. Longer than most sources take, short enough
/// not to be felt as slow; what comes later arrives on the socket.
pub(super) const FIRST_PAINT_TIMEOUT: Duration = Duration::from_millis(400);

#[get("/<slug>")]
async fn show(
    slug: &str,
    params: QueryParams,
    visitor: Visitor,
    client: Client,
    layout: Layout,
    state: &AppState,
) -> Result<Html<PageView>, Refusal> {
    let AppState { page_store, hub, clock, .. } = state;
    let page = page_store.authorize(slug, &visitor)?;
    let revision = page_store.revision_for(&page, &visitor);
    let choice = page.choose(params.pairs())?;
    let subscription =
        hub.subscribe(&page, &choice, &Holder::of(visitor.member().map(|member| &member.person.id), client.address()))?;
    subscription.wait_until_complete(FIRST_PAINT_TIMEOUT).await;
    let view = PageView::of(&page, &revision, &choice, subscription.initial_state(), subscription.viewers(), clock.now());
    Ok(Html::new("pages/show", page.title.clone(), layout, view))
}
