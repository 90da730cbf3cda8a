use std::sync::Arc;

use rocket::{State, get};

use crate::auth::Refresh;
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
    chrome: Layout,
    shelf: &State<Arc<PageStore>>,
    hub: &State<Arc<Hub>>,
    refresh: &State<Arc<Refresh>>,
    limits: &State<WebLimits>,
) -> Html<AdminOverviewView> {
    let Administrator(member) = administrator;
    let pages = shelf.authorized_pages(&Visitor::from(member));
    let view = AdminOverviewView::of(shelf.faults(), refresh, limits.session_stale_after, &pages, hub);
    Html::new("admin/index", "Administration", chrome, view)
}

#[get("/faults")]
pub(super) fn faults(_administrator: Administrator, chrome: Layout, shelf: &State<Arc<PageStore>>) -> Html<FaultsView> {
    Html::new("admin/faults", "Page faults", chrome, FaultsView::of(shelf.faults()))
}
