use indexmap::IndexMap;
use rocket::serde::json::Json;
use rocket::{Route, get, routes};
use serde::Serialize;

use crate::domain::{Client, Holder, PanelId, Visitor};
use crate::live::Hub;
use crate::pages::{ListedPage, PageStore};
use crate::panels::PanelFrame;
use crate::web::guards::QueryParams;
use crate::web::links::Link;
use crate::web::refusal::Refusal;

use super::page::FIRST_PAINT_TIMEOUT;

pub(super) fn routes() -> Vec<Route> {
    routes![pages, page]
}

#[derive(Serialize)]
pub(super) struct PagesResponse {
    pages: Vec<PageItem>,
}

#[derive(Serialize)]
struct PageItem {
    slug: String,
    title: String,
    about: Option<String>,
    href: Link,
    live: Link,
}

#[derive(Serialize)]
pub(super) struct PageResponse {
    slug: String,
    title: String,
    inputs: IndexMap<String, String>,
    epoch: String,
    seq: u64,
    panels: IndexMap<PanelId, PanelResponse>,
}

#[derive(Serialize)]
struct PanelResponse {
    title: String,
    #[serde(flatten)]
    frame: PanelFrame,
}

/// The pages this visitor may open.
#[get("/pages")]
fn pages(visitor: Visitor, page_store: &PageStore) -> Json<PagesResponse> {
    let summary = |page: &ListedPage| PageItem {
        slug: page.slug.to_string(),
        title: page.title.clone(),
        about: page.about.clone(),
        href: Link::to(format_args!("p/{}", page.slug)),
        live: Link::to(format_args!("live/{}", page.slug)),
    };
    Json(PagesResponse { pages: page_store.authorized_pages(&visitor).iter().map(summary).collect() })
}

/// A page's current state, and the position where its live channel continues.
#[get("/pages/<slug>")]
async fn page(
    slug: &str,
    params: QueryParams,
    visitor: Visitor,
    client: Client,
    page_store: &PageStore,
    hub: &Hub,
) -> Result<Json<PageResponse>, Refusal> {
    let page = page_store.authorize(slug, &visitor)?;
    let choice = page.choose(params.pairs())?;
    let subscription =
        hub.subscribe(&page, &choice, &Holder::of(visitor.member().map(|member| &member.person.id), client.address()))?;
    subscription.wait_until_complete(FIRST_PAINT_TIMEOUT).await;
    let mut initial_state = subscription.initial_state();
    let panels = page.panels.iter().filter_map(|panel| {
        let frame = initial_state.panels.shift_remove(&panel.id)?;
        Some((panel.id.clone(), PanelResponse { title: panel.title.clone(), frame }))
    });
    Ok(Json(PageResponse {
        slug: page.slug.to_string(),
        title: page.title.clone(),
        inputs: choice.values.iter().map(|(name, value)| (name.to_string(), value.to_owned())).collect(),
        panels: panels.collect(),
        epoch: initial_state.position.epoch,
        seq: initial_state.position.seq,
    }))
}
