use std::sync::Arc;

use rocket::{State, get};

use crate::domain::Visitor;
use crate::pages::PageStore;
use crate::web::html::Html;
use crate::web::views::{HomeView, Layout};

#[get("/")]
pub(super) fn show(visitor: Visitor, chrome: Layout, shelf: &State<Arc<PageStore>>) -> Html<HomeView> {
    Html::new("pages/home", "Home", chrome, HomeView::of(&shelf.authorized_pages(&visitor)))
}
