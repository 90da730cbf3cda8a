use std::sync::Arc;
use std::time::Duration;

use rocket::{State, get};

use crate::domain::Visitor;
use crate::live::Hub;
use crate::pages::PageStore;
use crate::web::app_state::SharedClock;
use crate::web::guards::QueryParams;
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::views::{Layout, PageView};

/// How long the first paint waits for panels that never had a reading. Longer than most sources take, short enough
/// not to be felt as slow; what comes later arrives on the socket.
pub(super) const FIRST_PAINT_TIMEOUT: Duration = Duration::from_millis(400);

#[get("/p/<slug>")]
pub(super) async fn show(
    slug: &str,
    asked: QueryParams,
    visitor: Visitor,
    chrome: Layout,
    shelf: &State<Arc<PageStore>>,
    hub: &State<Arc<Hub>>,
    time: &State<SharedClock>,
) -> Result<Html<PageView>, Refusal> {
    let page = shelf.open(slug, &visitor)?;
    let revision = shelf.revision_for(&page, &visitor);
    let choice = page.choose(asked.pairs())?;
    let seat = hub.sit(&page, &choice)?;
    seat.complete_within(FIRST_PAINT_TIMEOUT).await;
    let view = PageView::of(&page, &revision, &choice, seat.paint(), seat.watching(), time.0.now());
    Ok(Html::new("pages/show", page.title.clone(), chrome, view))
}
