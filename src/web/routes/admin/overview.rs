use std::sync::Arc;

use rocket::{State, get};

use crate::auth::Refresh;
use crate::domain::Visitor;
use crate::live::Hub;
use crate::pages::Shelf;
use crate::web::guards::Administrator;
use crate::web::html::Html;
use crate::web::rooms::Limits;
use crate::web::views::{AdminView, Chrome, FaultsView};

#[get("/")]
pub(super) fn show(
    administrator: Administrator,
    chrome: Chrome,
    shelf: &State<Arc<Shelf>>,
    hub: &State<Arc<Hub>>,
    refresh: &State<Arc<Refresh>>,
    limits: &State<Limits>,
) -> Html<AdminView> {
    let Administrator(member) = administrator;
    let pages = shelf.openable(&Visitor::from(member));
    let view = AdminView::of(shelf.faults(), refresh, limits.session_stale_after, &pages, hub);
    Html::new("admin/index", "Administration", chrome, view)
}

#[get("/faults")]
pub(super) fn faults(_administrator: Administrator, chrome: Chrome, shelf: &State<Arc<Shelf>>) -> Html<FaultsView> {
    Html::new("admin/faults", "Page faults", chrome, FaultsView::of(shelf.faults()))
}
