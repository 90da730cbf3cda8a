use rocket::{Route, get, routes};

use crate::domain::Visitor;
use crate::pages::PageStore;
use crate::web::html::Html;
use crate::web::views::{HomeView, Layout};

pub(super) fn routes() -> Vec<Route> {
    routes![show]
}

#[get("/")]
fn show(visitor: Visitor, layout: Layout, page_store: &PageStore) -> Html<HomeView> {
    Html::new("pages/home", "Home", layout, HomeView::of(&page_store.authorized_pages(&visitor)))
}
