use std::collections::{HashMap, HashSet};

use futures::StreamExt as _;
use futures::stream;
use indexmap::IndexMap;
use tokio::sync::OnceCell;

use crate::config::{Diagnostic, Diagnostics};
use crate::domain::{BoundQuery, Holder, Reading, SourceName, Timestamp};
use crate::pages::{PageQuery, PageStore};
use crate::panels::Panel;
use crate::sources::{DocumentRequest, SourceDocument, SourceError, Sources};

/// The most queries that are under way: sources are asked, not tried for their strength.
const MAX_QUERIES: usize = 8;

/// The faults of panels, each asked once as its page is opened, with all inputs at their defaults: that the source does not
/// answer, or that this kind of panel cannot show the answer. The same trouble of the same source is told once.
pub(super) async fn panel_faults(page_store: &PageStore, sources: &Sources, now: Timestamp) -> Diagnostics {
    let panels = page_store.default_queries();
    let answers = answers_to(&panels, sources).await;
    let mut told = HashSet::new();
    let fault = |panel: &PageQuery| {
        let query = &panel.query;
        match answers.get(query)? {
            Ok(reading) => mismatch(panel, reading, now),
            // What tells by itself what is new is no fault while it tells nothing.
            Err(SourceError::Silent(_)) => None,
            Err(error) if told.insert((query.source.clone(), error.to_string())) => Some(source_fault(panel, error)),
            Err(_) => None,
        }
    };
    panels.iter().filter_map(fault).collect()
}

/// The answer to each distinct query.
async fn answers_to(panels: &[PageQuery], sources: &Sources) -> IndexMap<BoundQuery, Result<Reading, SourceError>> {
    let distinct: HashSet<BoundQuery> = panels.iter().map(|panel| panel.query.clone()).collect();
    let request_of = |query: &BoundQuery| {
        let request = sources.documents(&query.source)?.request(query).ok()?;
        Some(((query.source.clone(), request), OnceCell::new()))
    };
    let fetched: &FetchedDocuments = &distinct.iter().filter_map(request_of).collect();
    let answers = stream::iter(distinct).map(|query| async move {
        let answer = answer_to(&query, sources, fetched).await;
        (query, answer)
    });
    answers.buffer_unordered(MAX_QUERIES).collect().await
}

/// The documents that queries pick from, each fetched once.
type FetchedDocuments = HashMap<(SourceName, DocumentRequest), OnceCell<Result<SourceDocument, SourceError>>>;

async fn answer_to(query: &BoundQuery, sources: &Sources, fetched: &FetchedDocuments) -> Result<Reading, SourceError> {
    let Some(documents) = sources.documents(&query.source) else { return sources.execute(query).await };
    let key = (query.source.clone(), documents.request(query)?);
    let Some(document) = fetched.get(&key) else { return sources.execute(query).await };
    let document = document.get_or_init(|| documents.fetch(&key.1)).await.clone()?;
    documents.pick(query, &document, &Holder::Program).await
}

fn source_fault(panel: &PageQuery, error: &SourceError) -> Diagnostic {
    let source = &panel.query.source;
    let (message, help) = match error {
        SourceError::BadQuery(_) | SourceError::BadAnswer(_) | SourceError::TooLarge(_) | SourceError::OverLimits(_) => (
            format!("the query is not answered with anything to show: {error}"),
            "correct the `query`, or what it asks".to_owned(),
        ),
        SourceError::Unreachable(_)
        | SourceError::TimedOut(_)
        | SourceError::Refused(_)
        | SourceError::Broken(_)
        | SourceError::AskedToWait(_)
        | SourceError::Silent(_) => (
            format!("the source \"{source}\" does not answer: {error}"),
            format!("see to [default.sources.{source}] in Rocket.toml, or to what it asks"),
        ),
    };
    Diagnostic::new(panel.location.clone(), message, help)
}

fn mismatch(panel: &PageQuery, reading: &Reading, now: Timestamp) -> Option<Diagnostic> {
    let PageQuery { panel, query, location } = panel;
    let mismatch = Panel::check_reading(panel, &query.bindings, now, reading).err()?;
    let help = "let the query give what the panel shows, or choose another `kind`";
    Some(Diagnostic::new(location.clone(), format!("the panel \"{}\" cannot show this: {mismatch}", panel.id), help))
}
