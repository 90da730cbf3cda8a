use indexmap::IndexMap;
use rocket::serde::json::Json;
use rocket::{Route, get, routes};
use serde::Serialize;

use crate::domain::{Client, Holder, PanelId, Visitor};
use crate::live::{InitialState, Rendition};
use crate::pages::{InputChoice, ListedPage, OpenPage, PageStore};
use crate::panels::PanelFrame;
use crate::web::AppState;
use crate::web::composed::Composed;
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
struct PageResponse<'a> {
    slug: &'a str,
    title: &'a str,
    inputs: IndexMap<&'a str, &'a str>,
    epoch: &'a str,
    seq: u64,
    panels: IndexMap<&'a PanelId, PanelResponse<'a>>,
}

#[derive(Serialize)]
struct PanelResponse<'a> {
    title: &'a str,
    #[serde(flatten)]
    frame: &'a PanelFrame,
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

/// A page's current state, and the position where its live channel continues; encoded once for all who ask.
#[get("/pages/<slug>")]
async fn page(
    slug: &str,
    params: QueryParams,
    visitor: Visitor,
    client: Client,
    state: &AppState,
) -> Result<Composed, Refusal> {
    let AppState { page_store, hub, clock, .. } = state;
    let page = page_store.authorize(slug, &visitor)?;
    let choice = page.choose(params.pairs())?;
    let subscription =
        hub.subscribe(&page, &choice, &Holder::of(visitor.member().map(|member| &member.person.id), client.address()))?;
    subscription.wait_until_complete(FIRST_PAINT_TIMEOUT).await;
    let rendition = subscription.rendition(FORM, clock.now(), |state| {
        let json = serde_json::to_string(&PageResponse::of(&page, &choice, state)).ok()?;
        Some(Rendition::new([json], None))
    });
    let rendition = rendition.ok_or_else(|| Refusal::Internal("the page's state did not encode".to_owned()))?;
    Ok(Composed::json(rendition))
}

/// The name of the rendition in this form.
const FORM: &str = "json";

impl<'a> PageResponse<'a> {
    fn of(page: &'a OpenPage, choice: &'a InputChoice, state: &'a InitialState) -> Self {
        let panels = page.panels.iter().filter_map(|panel| {
            let frame = state.panels.get(&panel.id)?;
            Some((&panel.id, PanelResponse { title: &panel.title, frame }))
        });
        Self {
            slug: page.slug.as_str(),
            title: &page.title,
            inputs: choice.values.iter().map(|(name, value)| (name.as_str(), value)).collect(),
            epoch: &state.position.epoch,
            seq: state.position.seq,
            panels: panels.collect(),
        }
    }
}
