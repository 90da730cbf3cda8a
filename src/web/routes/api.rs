use std::sync::Arc;

use indexmap::IndexMap;
use rocket::serde::json::Json;
use rocket::{State, get};
use serde::Serialize;

use crate::domain::{PanelId, Visitor};
use crate::live::Hub;
use crate::pages::{Listed, Shelf};
use crate::panels::PanelFrame;
use crate::web::guards::Asked;
use crate::web::refusal::Refusal;

use super::page::FIRST_PAINT_PATIENCE;

#[derive(Serialize)]
pub(super) struct Pages {
    pages: Vec<PageSummary>,
}

#[derive(Serialize)]
struct PageSummary {
    slug: String,
    title: String,
    about: Option<String>,
    href: String,
    live: String,
}

#[derive(Serialize)]
pub(super) struct PageState {
    slug: String,
    title: String,
    inputs: IndexMap<String, String>,
    epoch: String,
    seq: u64,
    panels: IndexMap<PanelId, PanelState>,
}

#[derive(Serialize)]
struct PanelState {
    title: String,
    #[serde(flatten)]
    frame: PanelFrame,
}

/// The pages this visitor may open.
#[get("/pages")]
pub(super) fn pages(visitor: Visitor, shelf: &State<Arc<Shelf>>) -> Json<Pages> {
    let summary = |page: &Listed| PageSummary {
        slug: page.slug.to_string(),
        title: page.title.clone(),
        about: page.about.clone(),
        href: format!("/p/{}", page.slug),
        live: format!("/live/{}", page.slug),
    };
    Json(Pages { pages: shelf.openable(&visitor).iter().map(summary).collect() })
}

/// A page as it stands now, and where its live channel goes on from.
#[get("/pages/<slug>")]
pub(super) async fn page(
    slug: &str,
    asked: Asked,
    visitor: Visitor,
    shelf: &State<Arc<Shelf>>,
    hub: &State<Arc<Hub>>,
) -> Result<Json<PageState>, Refusal> {
    let page = shelf.open(slug, &visitor)?;
    let choice = page.choose(asked.pairs())?;
    let seat = hub.sit(&page, &choice)?;
    seat.complete_within(FIRST_PAINT_PATIENCE).await;
    let mut painting = seat.paint();
    let panels = page.panels.iter().filter_map(|panel| {
        let frame = painting.panels.shift_remove(&panel.id)?;
        Some((panel.id.clone(), PanelState { title: panel.title.clone(), frame }))
    });
    Ok(Json(PageState {
        slug: page.slug.to_string(),
        title: page.title.clone(),
        inputs: choice.values.iter().map(|(name, value)| (name.to_string(), value.to_owned())).collect(),
        panels: panels.collect(),
        epoch: painting.position.epoch,
        seq: painting.position.seq,
    }))
}
