use serde::Serialize;

use crate::config::FaultReport;
use crate::live::FeedReport;
use crate::pages::OpenPage;

/// What an admin wants to see first: faults in page files, and how the feeds are doing.
#[derive(Debug, Serialize)]
pub(in crate::web) struct AdminView {
    page_faults: Vec<FaultReport>,
    pages: Vec<PageRow>,
    feeds: Vec<FeedReport>,
}

#[derive(Debug, Serialize)]
struct PageRow {
    slug: String,
    title: String,
    href: String,
    file: String,
    access_word: &'static str,
}

impl AdminView {
    pub(in crate::web) fn of(page_faults: Vec<FaultReport>, pages: &[OpenPage], feeds: Vec<FeedReport>) -> Self {
        let row = |page: &OpenPage| PageRow {
            slug: page.slug.to_string(),
            title: page.title.clone(),
            href: format!("/p/{}", page.slug),
            file: page.file.display().to_string(),
            access_word: page.access_word(),
        };
        Self { page_faults, pages: pages.iter().map(row).collect(), feeds }
    }
}
