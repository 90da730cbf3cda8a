use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// What is counted of the audit. A clone is the same figures.
#[derive(Clone, Default)]
pub struct AuditMetrics {
    add_kept: Counter,
    add_lost: Counter,
}

impl AuditMetrics {
    /// New figures, which `registry` writes out from now on.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let audit = registry.sub_registry_with_prefix("audit");
        audit.register("events_kept", "Events written into the audit's store", metrics.add_kept.clone());
        audit.register("events_lost", "Events that are in the log alone", metrics.add_lost.clone());
        metrics
    }

    /// So many events are in the store now.
    pub fn kept(&self, count: u64) {
        self.add_kept.inc_by(count);
    }

    /// So many events could not be kept.
    pub fn lost(&self, count: u64) {
        self.add_lost.inc_by(count);
    }

    /// How many events could not be kept since the start.
    pub fn total_lost(&self) -> u64 {
        self.add_lost.get()
    }
}
