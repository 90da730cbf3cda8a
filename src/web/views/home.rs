use serde::Serialize;

use crate::pages::ListedPage;
use crate::web::links::Link;

/// The view of the pages that a visitor may open, as cards.
#[derive(Debug, Serialize)]
pub(in crate::web) struct HomeView {
    pages: Vec<PageCard>,
}

#[derive(Debug, Serialize)]
struct PageCard {
    title: String,
    about: Option<String>,
    href: Link,
    access_label: &'static str,
}

impl HomeView {
    pub(in crate::web) fn of(pages: &[ListedPage]) -> Self {
        let card = |page: &ListedPage| PageCard {
            title: page.title.clone(),
            about: page.about.clone(),
            href: Link::to(format_args!("p/{}", page.slug)),
            access_label: page.access_word(),
        };
        Self { pages: pages.iter().map(card).collect() }
    }
}
