use rocket::{Route, get, routes};

use crate::web::html::Html;
use crate::web::views::{HomeView, Layout};

pub(super) fn routes() -> Vec<Route> {
    routes![show]
}

#[get("/")]
fn show(layout: Layout) -> Html<HomeView> {
    let view = HomeView::of(&layout.pages);
    Html::new("pages/home", "Home", layout, view)
}
