use rocket::{Route, get, routes};

use crate::domain::Visitor;
use crate::pages::PageStore;
use crate::web::AppState;
use crate::web::guards::{Administrator, SiteAddress, UpstreamAddress};
use crate::web::html::Html;
use crate::web::views::{AdminOverviewView, FaultsView, Layout, ProxyView, SessionRefreshView};

pub(super) fn routes() -> Vec<Route> {
    routes![show, faults]
}

#[get("/")]
fn show(
    administrator: Administrator,
    layout: Layout,
    site: SiteAddress,
    upstream: UpstreamAddress,
    state: &AppState,
) -> Html<AdminOverviewView> {
    let AppState { page_store, hub, session_refresher, settings, .. } = state;
    let Administrator(member) = administrator;
    let pages = page_store.all_pages(&Visitor::from(member));
    let proxy = ProxyView { site: site.0, upstream: upstream.0 };
    let session_refresh = SessionRefreshView::of(session_refresher, settings.sessions.max_staleness);
    let view = AdminOverviewView::of(page_store.diagnostic_reports(), session_refresh, &pages, hub, proxy);
    Html::new("admin/index", "Administration", layout, view)
}

#[get("/faults")]
fn faults(_administrator: Administrator, layout: Layout, page_store: &PageStore) -> Html<FaultsView> {
    Html::new("admin/faults", "Page faults", layout, FaultsView::of(page_store.diagnostic_reports()))
}
