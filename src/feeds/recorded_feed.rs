use super::subscription::FeedSubscription;
use crate::history::SeriesWriter;

/// A subscription to a feed whose numbers are kept in the archive.
pub struct RecordedFeed {
    _subscription: FeedSubscription,
    _writer: SeriesWriter,
}

impl RecordedFeed {
    pub(super) fn new(subscription: FeedSubscription, writer: SeriesWriter) -> Self {
        Self { _subscription: subscription, _writer: writer }
    }
}
