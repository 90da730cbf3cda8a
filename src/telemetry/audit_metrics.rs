use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// The audit's metrics. Clones share their values.
#[derive(Clone, Default)]
pub struct AuditMetrics {
    events_kept: Counter,
    events_lost: Counter,
}

impl AuditMetrics {
    /// New metrics, registered in `registry`.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let audit = registry.sub_registry_with_prefix("audit");
        audit.register("events_kept", "Events written into the audit's store", metrics.events_kept.clone());
        audit.register("events_lost", "Events that are in the log alone", metrics.events_lost.clone());
        metrics
    }

    /// Counts events that were written into the store.
    pub fn add_kept(&self, count: u64) {
        self.events_kept.inc_by(count);
    }

    /// Counts events that could not be written into the store.
    pub fn add_lost(&self, count: u64) {
        self.events_lost.inc_by(count);
    }

    /// The number of events that could not be written into the store since the start.
    pub fn total_lost(&self) -> u64 {
        self.events_lost.get()
    }
}
