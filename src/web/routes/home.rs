use rocket::get;

use crate::domain::Visitor;
use crate::pages::PageStore;
use crate::web::html::Html;
use crate::web::views::{HomeView, Layout};

#[get("/")]
pub(super) fn show(visitor: Visitor, layout: Layout, page_store: &PageStore) -> Html<HomeView> {
    Html::new("pages/home", "Home", layout, HomeView::of(&page_store.authorized_pages(&visitor)))
}
