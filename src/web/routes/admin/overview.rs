use std::sync::Arc;

use rocket::{State, get};

use crate::auth::SessionRefresher;
use crate::domain::Visitor;
use crate::live::Hub;
use crate::pages::PageStore;
use crate::web::app_state::WebLimits;
use crate::web::guards::Administrator;
use crate::web::html::Html;
use crate::web::views::{AdminOverviewView, FaultsView, Layout};

#[get("/")]
pub(super) fn show(
    administrator: Administrator,
    layout: Layout,
    page_store: &State<Arc<PageStore>>,
    hub: &State<Arc<Hub>>,
    session_refresher: &State<Arc<SessionRefresher>>,
    limits: &State<WebLimits>,
) -> Html<AdminOverviewView> {
    let Administrator(member) = administrator;
    let pages = page_store.authorized_pages(&Visitor::from(member));
    let view =
        AdminOverviewView::of(page_store.diagnostic_reports(), session_refresher, limits.session_stale_after, &pages, hub);
    Html::new("admin/index", "Administration", layout, view)
}

#[get("/faults")]
pub(super) fn faults(_administrator: Administrator, layout: Layout, page_store: &State<Arc<PageStore>>) -> Html<FaultsView> {
    Html::new("admin/faults", "Page faults", layout, FaultsView::of(page_store.diagnostic_reports()))
}
