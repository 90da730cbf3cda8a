use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::watch;

use super::endpoint::PushEndpoint;
use super::store::PushedDocument;
use crate::config::format_duration;
use crate::domain::{BoundQuery, Clock, Holder, SourceName, Timestamp, wait_until};
use crate::sources::jq::JqFilters;
use crate::sources::{ReadingStream, SourceError, StreamedReading};

/// How long until a document is read again of which a query could make nothing: what hindered it may be over, and the next push far.
const RETRY_INTERVAL: Duration = Duration::from_mins(1);

/// The readings that a query makes of what is pushed.
pub(super) struct PushedReadings {
    query: BoundQuery,
    documents: watch::Receiver<Option<PushedDocument>>,
    filters: Arc<JqFilters>,
    clock: Arc<dyn Clock>,
    stale_after: Option<Duration>,
    holder: watch::Receiver<Holder>,
    /// The version of the document that was told last, and when it was pushed: after a failover another may have its version.
    told: Option<(i64, Timestamp)>,
    /// Whether it was told since that nothing comes.
    told_silence: bool,
    /// When the document that was told last is to be read again.
    retry_at: Option<Timestamp>,
}

/// The error of a source that nothing was pushed to.
pub(super) fn nothing_yet(source: &SourceName) -> SourceError {
    SourceError::Silent(format!(
        "nothing has been pushed yet: POST it to /api/v1/push/{source}, with a token for push:{source}"
    ))
}

impl PushedReadings {
    pub(super) fn new(
        query: &BoundQuery,
        endpoint: &PushEndpoint,
        filters: &Arc<JqFilters>,
        clock: &Arc<dyn Clock>,
        stale_after: Option<Duration>,
        holder: &watch::Receiver<Holder>,
    ) -> Self {
        Self {
            query: query.clone(),
            documents: endpoint.subscribe(),
            filters: Arc::clone(filters),
            clock: Arc::clone(clock),
            stale_after,
            holder: holder.clone(),
            told: None,
            told_silence: false,
            retry_at: None,
        }
    }

    pub(super) fn into_stream(self) -> ReadingStream {
        futures::stream::unfold(self, async |mut readings| Some((readings.next().await?, readings))).boxed()
    }

    /// The next reading, or that nothing comes; `None` when the source is gone.
    async fn next(&mut self) -> Option<StreamedReading> {
        loop {
            let latest = self.documents.borrow_and_update().clone();
            if let Some(news) = self.news(latest.as_ref()).await {
                return Some(news);
            }
            let next_look = self.next_look(latest.as_ref());
            let clock = Arc::clone(&self.clock);
            let look = async {
                match next_look {
                    Some(moment) => wait_until(&*clock, moment).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = self.documents.changed() => changed.ok()?,
                () = look => (),
            }
        }
    }

    /// What was not told yet.
    async fn news(&mut self, latest: Option<&PushedDocument>) -> Option<StreamedReading> {
        let now = self.clock.now();
        let Some(PushedDocument { version, at, document }) = latest else { return self.silence(now, "") };
        let is_new = self.told.replace((*version, *at)) != Some((*version, *at));
        if is_new || self.retry_at.is_some_and(|moment| moment <= now) {
            let holder = self.holder.borrow().clone();
            let result = self.filters.pick(&self.query, document, &holder).await;
            // Of a document of which the query still makes nothing, it is not told again and again that it is old.
            self.told_silence &= !is_new && result.is_err();
            self.retry_at = result.is_err().then(|| now + RETRY_INTERVAL);
            return Some(StreamedReading { taken_at: *at, result });
        }
        let stale_after = self.stale_after.filter(|stale_after| *at + *stale_after <= now)?;
        self.silence(now, &format_duration(stale_after))
    }

    /// That nothing has come for so long, or at all, if that was not told.
    fn silence(&mut self, now: Timestamp, duration: &str) -> Option<StreamedReading> {
        if std::mem::replace(&mut self.told_silence, true) {
            return None;
        }
        let error = match duration {
            "" => nothing_yet(&self.query.source),
            duration => SourceError::Silent(format!("nothing has been pushed for {duration} (stale_after)")),
        };
        Some(StreamedReading { taken_at: now, result: Err(error) })
    }

    /// When there is something to tell without another push.
    fn next_look(&self, latest: Option<&PushedDocument>) -> Option<Timestamp> {
        let stale_at = latest.zip(self.stale_after).map(|(latest, stale_after)| latest.at + stale_after);
        stale_at.filter(|_| !self.told_silence).into_iter().chain(self.retry_at).min()
    }
}
