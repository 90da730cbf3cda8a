use std::time::Duration;

use rocket::{Either, Route, get, routes};
use rocket_dyn_templates::Metadata;

use crate::domain::{Client, Holder, Visitor};
use crate::live::Rendition;
use crate::web::AppState;
use crate::web::composed::Composed;
use crate::web::guards::QueryParams;
use crate::web::html::{Html, LayoutContext, SharedContext, split_own};
use crate::web::refusal::Refusal;
use crate::web::views::{Layout, OwnPageView, PageView, WholePageView};

pub(super) fn routes() -> Vec<Route> {
    routes![show]
}

/// How long the first paint waits for panels that never had a reading. Longer than most sources take, short enough
/// not to be felt as slow; what comes later arrives on the socket.
pub(super) const FIRST_PAINT_TIMEOUT: Duration = Duration::from_millis(400);

/// The template of a page, and of what is a visitor's own on it.
const TEMPLATE: &str = "pages/show";
const OWN_TEMPLATE: &str = "pages/own";

/// Shows a page. Its panels are rendered once for all who open it; a request renders what is the visitor's own.
#[get("/<slug>")]
async fn show(
    slug: &str,
    params: QueryParams,
    visitor: Visitor,
    client: Client,
    mut layout: Layout,
    state: &AppState,
    templates: Metadata<'_>,
) -> Result<Either<Composed, Html<WholePageView>>, Refusal> {
    let AppState { page_store, hub, clock, assets, .. } = state;
    let page = page_store.authorize(slug, &visitor)?;
    let choice = page.choose(params.pairs())?;
    let subscription =
        hub.subscribe(&page, &choice, &Holder::of(visitor.member().map(|member| &member.person.id), client.address()))?;
    subscription.wait_until_complete(FIRST_PAINT_TIMEOUT).await;
    let now = clock.now();
    layout.title.clone_from(&page.title);
    let form = format!("{} {}", layout.theme, assets.version());
    let shared = subscription.rendition(&form, now, |state| {
        let view = PageView::of(&page, &choice, state, now);
        let expires = view.expires();
        let (_, html) = templates.render(TEMPLATE, SharedContext::new(&layout, view))?;
        Some(Rendition::new(split_own(&html), expires))
    });
    let own = OwnPageView { revision: page.revision_among(&layout.pages, &visitor), viewers: subscription.viewers() };
    let context = LayoutContext { layout, view: own };
    let parts = templates.render(OWN_TEMPLATE, &context).map(|(_, html)| split_own(&html).collect());
    let (Some(shared), Some(parts)) = (shared, parts) else {
        return Err(Refusal::Internal("the page's template cannot be rendered".to_owned()));
    };
    if let Some(composed) = Composed::page(shared, parts) {
        return Ok(Either::Left(composed));
    }
    // An overlay's templates leave no gaps, or others: then all of the page is rendered for each visitor.
    let LayoutContext { layout, view: own } = context;
    let shared = PageView::of(&page, &choice, &subscription.initial_state(), now);
    Ok(Either::Right(Html::new(TEMPLATE, page.title.clone(), layout, WholePageView { shared, own })))
}
