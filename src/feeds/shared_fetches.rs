use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::executor::QueryExecutor;
use super::shared_fetch::{FetchKey, RetainedDocuments, SharedFetch};
use super::size_limited_map::SizeLimitedMap;
use crate::bus::Bus;
use crate::domain::{BoundQuery, Clock};
use crate::sources::SourceError;

/// The most bytes of documents that are kept for queries to come.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// The most requests whose answers are kept, small ones and failures.
const MAX_REQUESTS: usize = 1024;

/// The requests that feeds share, one for each document.
pub(super) struct SharedFetches {
    executor: Arc<dyn QueryExecutor>,
    clock: Arc<dyn Clock>,
    running: Mutex<HashMap<FetchKey, Weak<SharedFetch>>>,
    /// Those that were answered last: who comes to another page or choice whose query picks from the same document needs no request
    /// while it is fresh. They are nobody's own, as what one holder displaces costs a request, which is counted.
    retained: Arc<Mutex<RetainedDocuments>>,
    bus: Option<Bus>,
}

impl SharedFetches {
    pub(super) fn new(executor: Arc<dyn QueryExecutor>, clock: Arc<dyn Clock>) -> Self {
        let retained = SizeLimitedMap::new(MAX_BYTES, MAX_REQUESTS);
        Self { executor, clock, running: Mutex::default(), retained: Arc::new(Mutex::new(retained)), bus: None }
    }

    /// These requests, of which each is sent once for all nodes on the bus.
    pub(super) fn with_bus(self, bus: Bus) -> Self {
        Self { bus: Some(bus), ..self }
    }

    /// The fetch of the document that the query picks from; `None` where it picks from none.
    ///
    /// # Errors
    /// Why there is no request for it.
    pub(super) fn fetch(&self, query: &BoundQuery) -> Result<Option<Arc<SharedFetch>>, SourceError> {
        let Some(documents) = self.executor.documents(&query.source) else { return Ok(None) };
        let key = FetchKey { source: query.source.clone(), request: documents.request(query)? };
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fetch) = running.get(&key).and_then(Weak::upgrade) {
            return Ok(Some(fetch));
        }
        running.retain(|_, fetch| fetch.strong_count() > 0);
        let (executor, clock) = (Arc::clone(&self.executor), Arc::clone(&self.clock));
        let fetch = Arc::new(SharedFetch::new(key.clone(), executor, clock, Arc::downgrade(&self.retained), self.bus.clone()));
        running.insert(key, Arc::downgrade(&fetch));
        Ok(Some(fetch))
    }
}
