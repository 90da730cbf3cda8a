use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The buckets of the time from an answer to another node: some milliseconds where the bus is well.
const LAG_SECONDS: [f64; 9] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0];

/// The metrics of the bus between nodes. Clones share their values.
#[derive(Clone)]
pub struct BusMetrics {
    up: Gauge,
    topics: Family<RoleLabels, Gauge>,
    entries: Family<WayLabels, Counter>,
    forged: Counter,
    lag: Histogram,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RoleLabels {
    role: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WayLabels {
    way: &'static str,
}

impl BusMetrics {
    /// New metrics, registered in `registry`.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            up: Gauge::default(),
            topics: Family::default(),
            entries: Family::default(),
            forged: Counter::default(),
            lag: Histogram::new(LAG_SECONDS),
        };
        // They are there before the first, too.
        metrics.set_topics(0, 0);
        for way in ["sent", "received", "past"] {
            let _ = metrics.entries.get_or_create(&WayLabels { way });
        }
        let bus = registry.sub_registry_with_prefix("bus");
        bus.register("up", "Whether the bus is there; 0 without one", metrics.up.clone());
        bus.register("topics", "What is asked once for all nodes now, by this node's role", metrics.topics.clone());
        bus.register("entries", "Answers shared with other nodes, by way", metrics.entries.clone());
        bus.register("forged", "Entries that no node of this cluster has written", metrics.forged.clone());
        bus.register_with_unit("lag", "From another node's answer until it is here", Unit::Seconds, metrics.lag.clone());
        metrics
    }

    /// Sets whether the bus is there.
    pub fn set_up(&self, is_up: bool) {
        self.up.set(i64::from(is_up));
    }

    /// Sets how many topics this node leads, and how many it follows.
    pub fn set_topics(&self, leading: usize, following: usize) {
        for (role, count) in [("leads", leading), ("follows", following)] {
            self.topics.get_or_create(&RoleLabels { role }).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Counts entries that were sent.
    pub fn add_sent(&self, count: usize) {
        self.entries.get_or_create(&WayLabels { way: "sent" }).inc_by(u64::try_from(count).unwrap_or_default());
    }

    /// Counts an entry that was received so long after the answer, or read from the past.
    pub fn add_received(&self, after: Duration, is_past: bool) {
        self.entries.get_or_create(&WayLabels { way: if is_past { "past" } else { "received" } }).inc();
        if !is_past {
            self.lag.observe(after.as_secs_f64());
        }
    }

    /// Counts an entry that cannot be opened.
    pub fn add_forged(&self) {
        self.forged.inc();
    }
}
