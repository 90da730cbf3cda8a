use rocket::{Route, get, routes};

use crate::auth::SessionRefresher;
use crate::config::SessionSettings;
use crate::domain::Visitor;
use crate::live::Hub;
use crate::pages::PageStore;
use crate::web::guards::Administrator;
use crate::web::html::Html;
use crate::web::views::{AdminOverviewView, FaultsView, Layout};

pub(super) fn routes() -> Vec<Route> {
    routes![show, faults]
}

#[get("/")]
fn show(
    administrator: Administrator,
    layout: Layout,
    page_store: &PageStore,
    hub: &Hub,
    session_refresher: &SessionRefresher,
    sessions: &SessionSettings,
) -> Html<AdminOverviewView> {
    let Administrator(member) = administrator;
    let pages = page_store.authorized_pages(&Visitor::from(member));
    let view = AdminOverviewView::of(page_store.diagnostic_reports(), session_refresher, sessions.max_staleness, &pages, hub);
    Html::new("admin/index", "Administration", layout, view)
}

#[get("/faults")]
fn faults(_administrator: Administrator, layout: Layout, page_store: &PageStore) -> Html<FaultsView> {
    Html::new("admin/faults", "Page faults", layout, FaultsView::of(page_store.diagnostic_reports()))
}
