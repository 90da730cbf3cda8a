use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use indexmap::IndexMap;

use super::compile::{Variable, compile};
use super::{filter_thread, thread_error};
use crate::domain::{BoundQuery, Clock, Holder, Placeholder, Reading};
use crate::sources::filter_workers::{FilterRequest, FilterWorkers};
use crate::sources::{QueryError, SourceDocument, SourceError};

/// The memory that any filter may use, beside its stack: far more than one needs that picks from a document as large as is
/// allowed where nothing else is set.
const MIN_FILTER_MEMORY: u64 = 48 * 1024 * 1024;

/// The number of checked filters cached for one source. Every panel has one; beyond this the oldest is checked anew.
const MAX_FILTERS: usize = 256;

/// The filters of one source whose queries pick from JSON documents.
pub(in crate::sources) struct JqFilters {
    cache: FilterCache,
    workers: Arc<FilterWorkers>,
    clock: Arc<dyn Clock>,
    /// Where the documents come from, for error messages.
    origin: String,
    memory_bytes: u64,
}

impl JqFilters {
    /// The filters on documents that come from `origin`, as error messages name it, and have at most so many bytes.
    pub(in crate::sources) fn new(
        origin: impl Into<String>,
        max_document_bytes: usize,
        clock: &Arc<dyn Clock>,
        workers: &Arc<FilterWorkers>,
    ) -> Self {
        Self {
            cache: FilterCache::new(),
            workers: Arc::clone(workers),
            clock: Arc::clone(clock),
            origin: origin.into(),
            memory_bytes: memory_for(max_document_bytes),
        }
    }

    /// Checks a query that is a filter: the placeholders that its variables stand for, each once.
    ///
    /// # Errors
    /// What is wrong with it, for the author.
    pub(in crate::sources) fn placeholders(&self, filter: &str) -> Result<Vec<Placeholder>, QueryError> {
        self.cache.placeholders(filter)
    }

    /// Picks what the query's text, a filter, gives from a document, for `holder`, under whom the work is counted.
    ///
    /// # Errors
    /// A [`SourceError`] in words for people.
    pub(in crate::sources) async fn pick(
        &self,
        query: &BoundQuery,
        document: &SourceDocument,
        holder: &Holder,
    ) -> Result<Reading, SourceError> {
        let request = FilterRequest {
            filter: query.text.clone(),
            host: self.origin.clone(),
            bindings: query.bindings.clone(),
            now: self.clock.now().as_millis(),
            memory_bytes: self.memory_bytes,
        };
        self.workers.run(&request, document.text(), holder).await
    }
}

/// The memory that a filter may use. Ten times a document is what it takes as values, and a filter makes some more of them.
fn memory_for(max_document_bytes: usize) -> u64 {
    MIN_FILTER_MEMORY.max(16 * u64::try_from(max_document_bytes).unwrap_or(u64::MAX / 16))
}

/// The checked filters of one source, by their text.
pub(super) struct FilterCache {
    checked: Mutex<IndexMap<String, Arc<[Variable]>>>,
}

impl FilterCache {
    pub(super) fn new() -> Self {
        Self { checked: Mutex::new(IndexMap::new()) }
    }

    /// The placeholders that the variables of the filter of this text stand for, each once.
    ///
    /// # Errors
    /// What is wrong with it, for the author.
    pub(super) fn placeholders(&self, text: &str) -> Result<Vec<Placeholder>, QueryError> {
        let variables = self.variables(text)?;
        Ok(variables.iter().map(|variable| variable.placeholder.clone()).collect())
    }

    fn variables(&self, text: &str) -> Result<Arc<[Variable]>, QueryError> {
        let checked = || self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(variables) = checked().get(text) {
            return Ok(Arc::clone(variables));
        }
        let variables = thread::scope(|scope| {
            let compile = || compile(text).map(|program| program.variables);
            let compiling = filter_thread().spawn_scoped(scope, compile).map_err(thread_error)?;
            compiling.join().map_err(|_| "the filter cannot be compiled".to_owned())?
        });
        let variables: Arc<[Variable]> = variables.map_err(QueryError)?.into();
        let mut checked = checked();
        if checked.len() >= MAX_FILTERS {
            checked.shift_remove_index(0);
        }
        checked.insert(text.to_owned(), Arc::clone(&variables));
        Ok(variables)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::unwrap_used)]
    fn a_filter_is_checked_once_and_only_so_many_are_kept() {
        let filters = FilterCache::new();
        let first = filters.variables(".first").unwrap();
        assert!(Arc::ptr_eq(&first, &filters.variables(".first").unwrap()));
        for at in 0..MAX_FILTERS {
            filters.variables(&format!(".[{at}]")).unwrap();
        }
        assert_eq!(filters.checked.lock().unwrap().len(), MAX_FILTERS);
        assert!(!Arc::ptr_eq(&first, &filters.variables(".first").unwrap()));
    }
}
