use std::sync::Arc;

use crate::config::Place;
use crate::domain::BoundQuery;
use crate::sources::Sources;

use super::{Page, PageStore};

/// One question that a page asks of a source when nobody has chosen anything.
#[derive(Clone, Debug)]
pub struct PageQuery {
    /// The question.
    pub query: BoundQuery,
    /// Where the page asks it.
    pub place: Place,
}

impl PageStore {
    /// What the pages ask, panel by panel, each page at its defaults.
    pub fn default_queries(&self) -> Vec<PageQuery> {
        self.pages().iter().flat_map(|page| queries_of(page, self.sources())).collect()
    }
}

fn queries_of(page: &Arc<Page>, sources: &Sources) -> Vec<PageQuery> {
    // Without a choice, every input is at its default.
    let Ok(choice) = page.choose([]) else { return Vec::new() };
    let asked = page.panels.iter().filter_map(|panel| panel.source.as_ref());
    let probe = |from: &crate::config::PanelSource| PageQuery {
        query: sources.bind(&from.source, &from.query, &choice.bindings),
        place: Place::text(&page.file, page.text.clone(), from.query_span.clone()),
    };
    asked.map(probe).collect()
}
