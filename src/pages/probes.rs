use std::sync::Arc;

use crate::config::Place;
use crate::domain::BoundQuery;
use crate::sources::Sources;

use super::{Page, Shelf};

/// One question that a page asks of a source when nobody has chosen anything.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The question.
    pub query: BoundQuery,
    /// Where the page asks it.
    pub place: Place,
}

impl Shelf {
    /// What the pages ask, panel by panel, each page at its defaults.
    pub fn probes(&self) -> Vec<Probe> {
        self.pages().iter().flat_map(|page| of_page(page, self.sources())).collect()
    }
}

fn of_page(page: &Arc<Page>, sources: &Sources) -> Vec<Probe> {
    // Without a choice, every input is at its default.
    let Ok(choice) = page.choose([]) else { return Vec::new() };
    let asked = page.panels.iter().filter_map(|panel| panel.source.as_ref());
    let probe = |from: &crate::config::PanelSource| Probe {
        query: sources.bind(&from.source, &from.query, &choice.bindings),
        place: Place::text(&page.file, page.text.clone(), from.query_span.clone()),
    };
    asked.map(probe).collect()
}
