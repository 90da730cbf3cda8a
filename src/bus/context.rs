use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::clock_offset::ClockOffset;
use super::entry::BusEntry;
use super::envelope::Envelope;
use super::key::{BusKey, TopicName};
use crate::domain::Clock;
use crate::telemetry::BusMetrics;

/// The key, clock and metrics by which entries are written and read.
pub(super) struct EntryContext {
    pub(super) key: BusKey,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) offset: ClockOffset,
    pub(super) metrics: BusMetrics,
    has_logged_forged: AtomicBool,
}

impl EntryContext {
    pub(super) fn new(key: BusKey, clock: Arc<dyn Clock>, metrics: BusMetrics) -> Self {
        let has_logged_forged = AtomicBool::new(false);
        Self { key, clock, offset: ClockOffset::default(), metrics, has_logged_forged }
    }

    /// Opens an entry; `None` where no node of this cluster has written it for this topic.
    pub(super) fn open(&self, envelope: &Envelope<'_>, topic: &TopicName, is_past: bool) -> Option<BusEntry> {
        let Some(text) = envelope.open(&self.key, topic) else {
            self.metrics.add_forged();
            if !self.has_logged_forged.swap(true, Ordering::Relaxed) {
                tracing::error!("an entry on the bus was not written by a node of this cluster, and is passed over");
            }
            return None;
        };
        let at = self.offset.to_node(envelope.at);
        self.metrics.add_received(self.clock.now().since(at), is_past);
        Some(BusEntry { at, text, is_past })
    }
}
