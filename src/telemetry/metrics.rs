use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::{AuditMetrics, BusMetrics, DirectoryMetrics, LiveMetrics};

/// The prefix of every metric's name, which tells ours from others' on the same monitoring.
const PREFIX: &str = "belvedere";

/// All metrics of the program. Clones share their values.
///
/// There is one in a server, made when it is built and passed to the rooms that have something to count; two servers
/// in one process never mix theirs.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    directory: DirectoryMetrics,
    audit: AuditMetrics,
    live: LiveMetrics,
    bus: BusMetrics,
}

/// The metrics could not be encoded.
#[derive(Debug, thiserror::Error)]
#[error("the figures cannot be written as OpenMetrics text: {0}")]
pub struct EncodeMetricsError(#[from] fmt::Error);

impl Metrics {
    /// New metrics, nothing counted yet.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register("build", "What runs here", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let directory = DirectoryMetrics::register(&mut registry);
        let audit = AuditMetrics::register(&mut registry);
        let live = LiveMetrics::register(&mut registry);
        let bus = BusMetrics::register(&mut registry);
        Self { registry: Arc::new(registry), directory, audit, live, bus }
    }

    /// The directory's metrics, for the rooms that ask it.
    pub fn directory(&self) -> DirectoryMetrics {
        self.directory.clone()
    }

    /// The audit's metrics, for the room that writes it.
    pub fn audit(&self) -> AuditMetrics {
        self.audit.clone()
    }

    /// The live channels' metrics, for the room that runs them.
    pub fn live(&self) -> LiveMetrics {
        self.live.clone()
    }

    /// The metrics of the bus, for the room that shares answers through it.
    pub fn bus(&self) -> BusMetrics {
        self.bus.clone()
    }

    /// Encodes all metrics as OpenMetrics text, version 1.0.0.
    ///
    /// # Errors
    /// [`EncodeMetricsError`].
    pub fn encode(&self) -> Result<String, EncodeMetricsError> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_text_with_an_end_from_the_start() {
        let text = Metrics::new().encode().unwrap();
        let version = env!("CARGO_PKG_VERSION");
        assert!(text.contains(&format!("belvedere_build_info{{version=\"{version}\"}} 1\n")), "{text}");
        assert!(text.ends_with("\n# EOF\n"), "{text}");
    }

    #[test]
    fn a_clone_is_the_same_figures_and_another_handle_is_not() {
        let (metrics, other) = (Metrics::new(), Metrics::new());
        metrics.clone().directory().sign_in("success");
        assert!(metrics.encode().unwrap().contains("belvedere_sign_ins_total{outcome=\"success\"} 1\n"));
        assert!(!other.encode().unwrap().contains("success"));
    }
}
