use std::sync::Arc;

use crate::config::SourceLocation;
use crate::domain::BoundQuery;
use crate::panels::PanelSettings;
use crate::sources::Sources;

use super::{Page, PageStore};

/// A panel's query with all inputs of its page at their defaults.
#[derive(Clone, Debug)]
pub struct PageQuery {
    /// The panel that shows its answer.
    pub panel: PanelSettings,
    /// The query.
    pub query: BoundQuery,
    /// Its location in the page's file.
    pub location: SourceLocation,
}

impl PageStore {
    /// The queries of all pages, panel by panel, with all inputs at their defaults.
    pub fn default_queries(&self) -> Vec<PageQuery> {
        self.pages().iter().flat_map(|page| queries_of(page, self.sources())).collect()
    }
}

fn queries_of(page: &Arc<Page>, sources: &Sources) -> Vec<PageQuery> {
    // Without a choice, every input is at its default.
    let Ok(choice) = page.choose([]) else { return Vec::new() };
    let page_query = |panel: &PanelSettings| {
        let from = panel.source.as_ref()?;
        Some(PageQuery {
            panel: panel.clone(),
            query: sources.bind(&from.source, &from.query, &choice.bindings),
            location: SourceLocation::text(&page.file, page.text.clone(), from.query_span.clone()),
        })
    };
    page.panels.iter().filter_map(page_query).collect()
}
