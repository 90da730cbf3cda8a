use std::sync::Arc;

use rocket::{State, get};

use crate::auth::Refresh;
use crate::domain::Visitor;
use crate::live::Hub;
use crate::pages::Shelf;
use crate::web::guards::Administrator;
use crate::web::html::Html;
use crate::web::rooms::Limits;
use crate::web::views::{AdminView, Chrome};

#[get("/admin")]
pub(super) fn show(
    _administrator: Administrator,
    visitor: Visitor,
    chrome: Chrome,
    shelf: &State<Arc<Shelf>>,
    hub: &State<Arc<Hub>>,
    refresh: &State<Arc<Refresh>>,
    limits: &State<Limits>,
) -> Html<AdminView> {
    let view = AdminView::of(shelf.faults(), refresh, limits.session_stale_after, &shelf.openable(&visitor), hub);
    Html::new("admin/index", "Administration", chrome, view)
}
