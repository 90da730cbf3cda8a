//! The sources by name.

use std::sync::Arc;

use indexmap::IndexMap;
use tokio::sync::watch;

use super::filter_workers::FilterWorkers;
use super::kind::SourceKind;
use super::kinds::KINDS;
use super::settings::NamedSources;
use super::text::did_you_mean;
use super::{DocumentSource, PushEndpoints, QueryError, ReadingStream, Source, SourceError};
use crate::domain::{Bindings, BoundQuery, Clock, Holder, Placeholder, Reading, Series, SourceName, TimeRange};

/// All sources by name: the built-in ones, and those of the settings.
pub struct Sources {
    by_name: IndexMap<SourceName, Box<dyn Source>>,
    /// Of the settings of those that have some.
    fingerprints: IndexMap<SourceName, String>,
}

/// The error when a source cannot be opened as its settings say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the source '{}' cannot be opened: {reason}", source_name.as_str())]
pub struct SourceOpenError {
    /// Which source.
    pub source_name: SourceName,
    /// What is wrong and what would be right. No secret, no full stop.
    pub reason: String,
}

impl Sources {
    /// Opens the built-in sources and the named ones, whose filters run on `filters`. Nothing is dialled; files of certificates are read.
    ///
    /// # Errors
    /// [`SourceOpenError`] for the first source that cannot be opened.
    pub fn open(named: &NamedSources, clock: &Arc<dyn Clock>, filters: &Arc<FilterWorkers>) -> Result<Self, SourceOpenError> {
        let fingerprints = named.0.iter().map(|(name, source)| (name.clone(), source.fingerprint.to_hex())).collect();
        let built_in = KINDS.iter().filter_map(|kind| match kind {
            SourceKind::BuiltIn { name, open } => Some((built_in_name(name), open(clock))),
            SourceKind::Named { .. } => None,
        });
        let named = named.0.iter().map(|(name, source)| (name.clone(), source.open(clock, filters)));
        let opened = built_in.chain(named).map(|(source_name, opened)| match opened {
            Ok(source) => Ok((source_name, source)),
            Err(error) => Err(SourceOpenError { source_name, reason: error.to_string() }),
        });
        Ok(Self { by_name: opened.collect::<Result<_, _>>()?, fingerprints })
    }

    /// The names of all sources: the built-in ones first, then the admin's in the order written.
    pub fn names(&self) -> impl Iterator<Item = &SourceName> {
        self.by_name.keys()
    }

    /// Checks a query as an author wrote it: `Ok` lists the placeholders it uses, each once.
    ///
    /// # Errors
    /// [`QueryError`]: what is wrong with it, also when there is no such source.
    pub fn check(&self, source: &SourceName, query: &str) -> Result<Vec<Placeholder>, QueryError> {
        self.get(source)?.check(query)
    }

    /// The query with the values it uses, and only those: panels that do not use an input share a feed whatever is
    /// chosen. A query that does not check keeps all values, and fails with the reason when it is executed.
    pub fn bind(&self, source: &SourceName, query: &str, values: &Bindings) -> BoundQuery {
        let mut bindings = values.clone();
        if let Ok(used) = self.check(source, query) {
            bindings.retain(|key, _| used.iter().any(|placeholder| placeholder.key == *key));
        }
        BoundQuery { source: source.clone(), text: query.to_owned(), bindings }
    }

    /// Executes the query once, with the source's own timeout.
    ///
    /// # Errors
    /// A [`SourceError`] in words for people.
    pub async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        self.get(&query.source)?.execute(query).await
    }

    /// The documents that the source's queries pick from, where several queries can share one.
    pub fn documents(&self, source: &SourceName) -> Option<&dyn DocumentSource> {
        self.get(source).ok()?.documents()
    }

    /// Executes the query over a span of the past, with the source's own timeout. `None` when the source cannot tell the
    /// past of this query.
    ///
    /// # Errors
    /// A [`SourceError`] in words for people.
    pub async fn execute_range(&self, query: &BoundQuery, range: TimeRange) -> Result<Option<Series>, SourceError> {
        self.get(&query.source)?.execute_range(query, range).await
    }

    /// Subscribes to the readings of the query, where its source pushes them, for the `holder` of the time.
    pub fn subscribe(&self, query: &BoundQuery, holder: &watch::Receiver<Holder>) -> Option<ReadingStream> {
        self.get(&query.source).ok()?.subscribe(query, holder)
    }

    /// The endpoints at which programs push to sources.
    pub fn push_endpoints(&self) -> PushEndpoints {
        let sources = self.by_name.iter();
        sources.filter_map(|(name, source)| Some((name.clone(), Arc::clone(source.push_endpoint()?)))).collect()
    }

    /// A fingerprint of the source's settings as they are written: sources with equal ones answer alike. It follows from secrets, too,
    /// and is for no log.
    pub fn fingerprint(&self, source: &SourceName) -> String {
        self.fingerprints.get(source).cloned().unwrap_or_default()
    }

    /// How many queries a second the source is asked at most; `None` where that does not matter.
    pub fn rate(&self, source: &SourceName) -> Option<u32> {
        self.get(source).ok()?.rate()
    }

    fn get(&self, name: &SourceName) -> Result<&dyn Source, QueryError> {
        self.by_name.get(name).map(AsRef::as_ref).ok_or_else(|| {
            let names = || self.by_name.keys().map(SourceName::as_str);
            let hint = did_you_mean(name.as_str(), names());
            let known = names().collect::<Vec<_>>().join(", ");
            QueryError(format!("there is no source '{}'{hint} (there is {known})", name.as_str()))
        })
    }
}

#[expect(clippy::expect_used, reason = "the names are constants of the kinds, and a test opens them")]
fn built_in_name(name: &str) -> SourceName {
    name.parse().expect("a built-in name is a name")
}

#[cfg(test)]
mod tests;
