use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::server_names::ServerNames;

/// The buckets of operation durations: from an answer out of a server's memory on the same rack (1 ms) to twice the
/// default deadline of an operation (10 s), three steps a decade.
const OPERATION_SECONDS: [f64; 13] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

/// The buckets of refresh durations: from a handful of people in one search to thousands at a busy server, up to the
/// default interval between two.
const REFRESH_SECONDS: [f64; 11] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// The directory's metrics. Clones share their values; counting takes no lock that is held for long.
///
/// Words for operations and outcomes are the program's own (`&'static str`), so their number is bounded; names of
/// servers are not, and those beyond a limit share the label `other`.
#[derive(Clone)]
pub struct DirectoryMetrics {
    servers: ServerNames,
    operations: Family<OperationLabels, Counter>,
    operation_seconds: Family<TimedLabels, Histogram, fn() -> Histogram>,
    server_up: Family<ServerLabels, Gauge>,
    pool_open: Family<PoolLabels, Gauge>,
    pool_idle: Family<PoolLabels, Gauge>,
    pool_waiting: Family<PoolLabels, Gauge>,
    sign_ins: Family<SignInLabels, Counter>,
    refreshed_people: Counter,
    refresh_changes: Counter,
    refresh_seconds: Histogram,
}

/// The size of a pool of connections, and its use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolSize {
    /// Connections that are open, in use or not.
    pub open: usize,
    /// Those of them that are not in use.
    pub idle: usize,
    /// Operations that wait for one.
    pub waiting: usize,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OperationLabels {
    operation: &'static str,
    server: Arc<str>,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TimedLabels {
    operation: &'static str,
    server: Arc<str>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ServerLabels {
    server: Arc<str>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PoolLabels {
    pool: &'static str,
    directory: Arc<str>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SignInLabels {
    outcome: &'static str,
}

impl DirectoryMetrics {
    /// New metrics, registered in `registry`.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            servers: ServerNames::default(),
            operations: Family::default(),
            operation_seconds: Family::new_with_constructor(|| Histogram::new(OPERATION_SECONDS)),
            server_up: Family::default(),
            pool_open: Family::default(),
            pool_idle: Family::default(),
            pool_waiting: Family::default(),
            sign_ins: Family::default(),
            refreshed_people: Counter::default(),
            refresh_changes: Counter::default(),
            refresh_seconds: Histogram::new(REFRESH_SECONDS),
        };
        let this = &metrics;
        // The registry ends each help in a full stop.
        registry.register("sign_ins", "Sign-ins by what came of them", this.sign_ins.clone());
        let directory = registry.sub_registry_with_prefix("directory");
        directory.register("operations", "Operations that a server was asked for", this.operations.clone());
        directory.register_with_unit(
            "operation",
            "How long operations took, from the request to the last answer or the deadline",
            Unit::Seconds,
            this.operation_seconds.clone(),
        );
        directory.register("server_up", "Whether the server answered when it was last asked", this.server_up.clone());
        directory.register("pool_open", "Open connections, in use or not", this.pool_open.clone());
        directory.register("pool_idle", "Open connections that are not in use", this.pool_idle.clone());
        directory.register("pool_waiting", "Operations that wait for a connection", this.pool_waiting.clone());
        directory.register("refreshed_people", "People read anew while signed in", this.refreshed_people.clone());
        directory.register("refresh_changes", "People among them who had changed", this.refresh_changes.clone());
        directory.register_with_unit(
            "refresh",
            "How long it took to read everybody who is signed in",
            Unit::Seconds,
            this.refresh_seconds.clone(),
        );
        metrics
    }

    /// Counts and times an `operation` at `server` that has finished with this `outcome`, after `elapsed`.
    pub fn operation(&self, operation: &'static str, server: &str, outcome: &'static str, elapsed: Duration) {
        let server = self.servers.label(server);
        let timed = TimedLabels { operation, server: Arc::clone(&server) };
        self.operations.get_or_create(&OperationLabels { operation, server, outcome }).inc();
        self.operation_seconds.get_or_create(&timed).observe(elapsed.as_secs_f64());
    }

    /// Sets the current size of the `pool` of connections to the directory of this name.
    pub fn pool(&self, pool: &'static str, directory: &str, size: PoolSize) {
        let labels = PoolLabels { pool, directory: directory.into() };
        for (gauge, value) in [(&self.pool_open, size.open), (&self.pool_idle, size.idle), (&self.pool_waiting, size.waiting)] {
            gauge.get_or_create(&labels).set(i64::try_from(value).unwrap_or(i64::MAX));
        }
    }

    /// Sets whether `server` answers.
    pub fn server_up(&self, server: &str, up: bool) {
        let labels = ServerLabels { server: self.servers.label(server) };
        self.server_up.get_or_create(&labels).set(i64::from(up));
    }

    /// Counts a sign-in by its outcome.
    pub fn sign_in(&self, outcome: &'static str) {
        self.sign_ins.get_or_create(&SignInLabels { outcome }).inc();
    }

    /// Counts and times a refresh of `people` who are signed in, of whom `changed` were not as before.
    pub fn refresh(&self, people: usize, changed: usize, elapsed: Duration) {
        for (counter, value) in [(&self.refreshed_people, people), (&self.refresh_changes, changed)] {
            counter.inc_by(u64::try_from(value).unwrap_or(u64::MAX));
        }
        self.refresh_seconds.observe(elapsed.as_secs_f64());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    const DC1: &str = "ldaps://dc1:636";

    /// The text lines of new metrics after `count`.
    fn lines(count: impl FnOnce(&DirectoryMetrics)) -> Vec<String> {
        let mut registry = Registry::with_prefix("belvedere");
        count(&DirectoryMetrics::register(&mut registry));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[track_caller]
    fn expect(lines: &[String], expected: &str) {
        assert!(lines.iter().any(|line| line == expected), "{expected} is not in\n{}", lines.join("\n"));
    }

    #[test]
    fn an_operation_is_counted_by_outcome_and_timed_by_server() {
        let lines = lines(|metrics| {
            metrics.operation("bind", DC1, "success", Duration::from_millis(3));
            metrics.operation("bind", DC1, "success", Duration::from_millis(700));
            metrics.operation("bind", DC1, "timed-out", Duration::from_secs(20));
        });
        let counter = "belvedere_directory_operations_total{operation=\"bind\",server=\"ldaps://dc1:636\",outcome=";
        expect(&lines, &format!("{counter}\"success\"}} 2"));
        expect(&lines, &format!("{counter}\"timed-out\"}} 1"));
        expect(&lines, "# UNIT belvedere_directory_operation_seconds seconds");
        let series = "{operation=\"bind\",server=\"ldaps://dc1:636\"";
        expect(&lines, &format!("belvedere_directory_operation_seconds_count{series}}} 3"));
        for (le, count) in [("0.001", 0), ("0.002", 0), ("0.005", 1), ("0.5", 1), ("1.0", 2), ("10.0", 2), ("+Inf", 3)] {
            let bucket = format!("belvedere_directory_operation_seconds_bucket{{le=\"{le}\",{}}} {count}", &series[1..]);
            expect(&lines, &bucket);
        }
    }

    #[test]
    fn a_pool_and_a_server_are_told_as_they_last_were() {
        let lines = lines(|metrics| {
            metrics.pool("service", "default", PoolSize { open: 9, idle: 0, waiting: 4 });
            metrics.pool("service", "default", PoolSize { open: 4, idle: 3, waiting: 0 });
            metrics.server_up(DC1, true);
            metrics.server_up(DC1, false);
        });
        let labels = "{pool=\"service\",directory=\"default\"}";
        expect(&lines, &format!("belvedere_directory_pool_open{labels} 4"));
        expect(&lines, &format!("belvedere_directory_pool_idle{labels} 3"));
        expect(&lines, &format!("belvedere_directory_pool_waiting{labels} 0"));
        expect(&lines, "belvedere_directory_server_up{server=\"ldaps://dc1:636\"} 0");
    }

    #[test]
    fn refreshes_add_up() {
        let lines = lines(|metrics| {
            metrics.refresh(2_000, 3, Duration::from_millis(400));
            metrics.refresh(1_000, 0, Duration::from_millis(200));
        });
        expect(&lines, "belvedere_directory_refreshed_people_total 3000");
        expect(&lines, "belvedere_directory_refresh_changes_total 3");
        expect(&lines, "belvedere_directory_refresh_seconds_count 2");
    }

    #[test]
    fn a_servers_name_cannot_forge_a_line() {
        let lines = lines(|metrics| metrics.server_up("x\"} 1\nbelvedere_sign_ins_total{outcome=\"success", true));
        assert!(!lines.iter().any(|line| line.starts_with("belvedere_sign_ins_total")), "{lines:?}");
    }

    #[test]
    fn more_servers_than_anybody_has_share_one_series() {
        let lines = lines(|metrics| {
            for n in 0..1_000 {
                metrics.operation("dial", &format!("ldaps://dc{n}:636"), "refused", Duration::ZERO);
            }
        });
        let series = lines.iter().filter(|line| line.starts_with("belvedere_directory_operations_total{")).count();
        assert_eq!(series, 65);
        let other = "belvedere_directory_operations_total{operation=\"dial\",server=\"other\",outcome=\"refused\"} 936";
        expect(&lines, other);
    }
}
