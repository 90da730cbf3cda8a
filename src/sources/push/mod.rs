//! The source kind `push`: what a program has sent to `POST /api/v1/push/NAME`, and a jq filter that picks from it what a panel shows.
//!
//! A [`PushEndpoint`] says who may push and how much, and has the document that was pushed last; the [`PushInbox`] writes that down
//! and tells other nodes. Nobody is asked for anything here: a query's readings come when something is pushed, and trouble when
//! nothing has come for `stale_after`.

mod body;
mod endpoint;
mod inbox;
mod line_protocol;
mod postgres;
mod push_error;
mod rate_limit;
mod readings;
mod settings;
mod sqlite;
mod store;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

pub use self::endpoint::{PushEndpoint, PushEndpoints};
pub use self::inbox::PushInbox;
pub use self::push_error::PushError;
use self::readings::PushedReadings;
use self::settings::PushSettings;
pub use self::turns::PushTurn;
use super::filter_workers::FilterWorkers;
use super::jq::JqFilters;
use super::kind::{Opened, SourceKind, SourceSettings};
use super::{QueryError, ReadingStream, Source, SourceError};
use crate::config::Fields;
use crate::domain::{BoundQuery, Clock, Holder, Placeholder, Reading};

/// The kind `push`.
pub(super) const KIND: SourceKind =
    SourceKind::Named { word: "push", sample: "builds", about: "what programs push", read, rows: PushSettings::rows };

/// Where the documents come from, as error messages name it.
const ORIGIN: &str = "the last push";

/// A source of kind `push`.
struct Push {
    endpoint: Arc<PushEndpoint>,
    filters: Arc<JqFilters>,
    clock: Arc<dyn Clock>,
    stale_after: Option<Duration>,
}

fn read(mut fields: Fields<'_>) -> Option<Box<dyn SourceSettings>> {
    let settings = PushSettings::read(&mut fields);
    fields.finish();
    Some(Box::new(settings?))
}

impl SourceSettings for PushSettings {
    fn open(&self, clock: &Arc<dyn Clock>, filters: &Arc<FilterWorkers>) -> Opened {
        Ok(Box::new(Push {
            endpoint: Arc::new(PushEndpoint::new(self)),
            filters: Arc::new(JqFilters::new(ORIGIN.to_owned(), self.max_bytes, clock, filters)),
            clock: Arc::clone(clock),
            stale_after: self.stale_after,
        }))
    }
}

#[async_trait]
impl Source for Push {
    fn check(&self, query: &str) -> Result<Vec<Placeholder>, QueryError> {
        self.filters.placeholders(query)
    }

    /// What the query picks from the document that was pushed last, whenever that was.
    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        let latest = self.endpoint.subscribe().borrow().clone();
        let latest = latest.ok_or_else(|| readings::nothing_yet(&query.source))?;
        self.filters.pick(query, &latest.document, &Holder::Program).await
    }

    fn subscribe(&self, query: &BoundQuery, holder: &watch::Receiver<Holder>) -> Option<ReadingStream> {
        let readings = PushedReadings::new(query, &self.endpoint, &self.filters, &self.clock, self.stale_after, holder);
        Some(readings.into_stream())
    }

    fn push_endpoint(&self) -> Option<&Arc<PushEndpoint>> {
        Some(&self.endpoint)
    }
}

#[cfg(test)]
mod tests;
