use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The buckets of the time from a reading to the last socket of a writer shard: a batch waits up to
/// `live.batch_interval` for others, and then is written.
const READING_TO_WIRE_SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0];

/// The live channels' metrics: counters, and gauges that are set when the metrics are read. Clones share their values.
#[derive(Clone)]
pub struct LiveMetrics {
    frames: Family<TransportLabels, Counter>,
    bytes_sent: Family<TransportLabels, Counter>,
    snapshots: Counter,
    connections_started: Family<ConnectionStartLabels, Counter>,
    connections_closed: Family<CloseReasonLabels, Counter>,
    reading_to_wire: Histogram,
    viewers: Family<PageLabels, Gauge>,
    channels: Gauge,
    stalled: Gauge,
    lag: Family<QuantileLabels, Gauge>,
    feeds: Family<SourceLabels, Gauge>,
    failing: Family<SourceLabels, Gauge>,
    oldest_reading: Family<SourceLabels, Gauge<f64, AtomicU64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TransportLabels {
    over: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConnectionStartLabels {
    with: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CloseReasonLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PageLabels {
    page: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QuantileLabels {
    quantile: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabels {
    source: String,
}

/// The state of the live channels at one moment.
#[derive(Clone, Debug, Default)]
pub struct LiveState {
    /// The number of viewers of each page, by its slug.
    pub viewers: BTreeMap<String, usize>,
    /// The number of channels that run.
    pub channels: usize,
    /// How many batches behind its channel each socket is, the least first.
    pub lags: Vec<u64>,
    /// The number of sockets that accept no data at the moment.
    pub stalled: usize,
    /// The feeds by source.
    pub feeds: Vec<(String, FeedsState)>,
}

/// The state of one source's feeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct FeedsState {
    /// The number of feeds that run.
    pub running: usize,
    /// The number of feeds without a reading newer than their failure.
    pub failing: usize,
    /// The age of the oldest of their last readings.
    pub oldest_reading: Duration,
}

impl LiveState {
    /// A quantile of the sockets' lag, in batches; `quantile` is from 0 to 1.
    pub fn lag_quantile(&self, quantile: f64) -> u64 {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let at = (self.lags.len().saturating_sub(1) as f64 * quantile).ceil() as usize;
        self.lags.get(at).copied().unwrap_or(0)
    }
}

impl LiveMetrics {
    /// New metrics, registered in `registry`.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            frames: Family::default(),
            bytes_sent: Family::default(),
            snapshots: Counter::default(),
            connections_started: Family::default(),
            connections_closed: Family::default(),
            reading_to_wire: Histogram::new(READING_TO_WIRE_SECONDS),
            viewers: Family::default(),
            channels: Gauge::default(),
            stalled: Gauge::default(),
            lag: Family::default(),
            feeds: Family::default(),
            failing: Family::default(),
            oldest_reading: Family::default(),
        };
        let live = registry.sub_registry_with_prefix("live");
        live.register("frames", "Messages written, by way", metrics.frames.clone());
        live.register_with_unit("sent", "Written for viewers, by way", Unit::Bytes, metrics.bytes_sent.clone());
        live.register("snapshots", "Whole states sent, to who came new or was too slow", metrics.snapshots.clone());
        live.register("begun", "Connections begun, anew or with all they had missed", metrics.connections_started.clone());
        live.register("goodbyes", "Connections ended from here, by reason", metrics.connections_closed.clone());
        live.register_with_unit(
            "reading_to_wire",
            "From a batch's oldest reading to the last socket of a row",
            Unit::Seconds,
            metrics.reading_to_wire.clone(),
        );
        live.register("viewers", "Who watches now, by page", metrics.viewers.clone());
        live.register("channels", "Pages with one choice of inputs that run now", metrics.channels.clone());
        live.register("stalled", "Sockets that take nothing now", metrics.stalled.clone());
        live.register("lag_batches", "How far sockets are behind their channels now", metrics.lag.clone());
        live.register("feeds", "Queries that are asked again and again now, by source", metrics.feeds.clone());
        live.register("feeds_failing", "Those of them that have no answer now", metrics.failing.clone());
        live.register_with_unit(
            "feeds_oldest",
            "Age of the oldest last reading, by source",
            Unit::Seconds,
            metrics.oldest_reading.clone(),
        );
        metrics
    }

    /// Counts frames and bytes that were written to sockets.
    pub fn add_written(&self, frames: u64, bytes: u64) {
        self.count(TransportLabels { over: "websocket" }, frames, bytes);
    }

    /// Counts one server-sent event and its bytes.
    pub fn add_streamed_event(&self, bytes: usize) {
        self.count(TransportLabels { over: "events" }, 1, u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Counts a snapshot that was sent.
    pub fn add_snapshot(&self) {
        self.snapshots.inc();
    }

    /// Counts a new connection; `resumed` when all that it had missed could be replayed.
    pub fn connection_started(&self, resumed: bool) {
        self.connections_started
            .get_or_create(&ConnectionStartLabels { with: if resumed { "replay" } else { "snapshot" } })
            .inc();
    }

    /// Counts a connection that the server closed.
    pub fn connection_closed(&self, reason: &'static str) {
        self.connections_closed.get_or_create(&CloseReasonLabels { reason }).inc();
    }

    /// Records the time from a batch's oldest reading until it was written to all sockets of a writer shard.
    pub fn observe_reading_to_wire(&self, after: Duration) {
        self.reading_to_wire.observe(after.as_secs_f64());
    }

    /// Sets the gauges, just before the metrics are read.
    pub fn set_state(&self, state: &LiveState) {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.viewers.clear();
        for (page, viewers) in &state.viewers {
            self.viewers.get_or_create(&PageLabels { page: page.clone() }).set(count(*viewers));
        }
        self.channels.set(count(state.channels));
        self.stalled.set(count(state.stalled));
        for (quantile, share) in [("0.5", 0.5), ("0.99", 0.99), ("1", 1.0)] {
            let lag = i64::try_from(state.lag_quantile(share)).unwrap_or(i64::MAX);
            self.lag.get_or_create(&QuantileLabels { quantile }).set(lag);
        }
        self.feeds.clear();
        self.failing.clear();
        self.oldest_reading.clear();
        for (source, feeds) in &state.feeds {
            let source = SourceLabels { source: source.clone() };
            self.feeds.get_or_create(&source).set(count(feeds.running));
            self.failing.get_or_create(&source).set(count(feeds.failing));
            self.oldest_reading.get_or_create(&source).set(feeds.oldest_reading.as_secs_f64());
        }
    }

    fn count(&self, labels: TransportLabels, frames: u64, bytes: u64) {
        self.frames.get_or_create(&labels).inc_by(frames);
        self.bytes_sent.get_or_create(&labels).inc_by(bytes);
    }
}
