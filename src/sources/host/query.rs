//! The queries of the source `host`, and their names.

use crate::sources::QueryError;
use crate::sources::argument::{Argument, find_named};

/// A figure of the machine that can be queried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostQuery {
    CpuTotal,
    CpuCores,
    Load(LoadWindow),
    MemoryUsed,
    MemoryAvailable,
    MemoryTotal,
    MemoryPercent,
    SwapUsed,
    SwapPercent,
    DiskUsed,
    DiskFree,
    DiskPercent,
    NetworkIn,
    NetworkOut,
    Temperature,
    Processes,
    Uptime,
}

/// The window of a load average.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoadWindow {
    OneMinute,
    FiveMinutes,
    FifteenMinutes,
}

/// All queries by name, in the order error messages list them.
pub(super) const QUERY_NAMES: [(&str, HostQuery); 19] = [
    ("cpu.total", HostQuery::CpuTotal),
    ("cpu.cores", HostQuery::CpuCores),
    ("load.1", HostQuery::Load(LoadWindow::OneMinute)),
    ("load.5", HostQuery::Load(LoadWindow::FiveMinutes)),
    ("load.15", HostQuery::Load(LoadWindow::FifteenMinutes)),
    ("memory.used", HostQuery::MemoryUsed),
    ("memory.available", HostQuery::MemoryAvailable),
    ("memory.total", HostQuery::MemoryTotal),
    ("memory.percent", HostQuery::MemoryPercent),
    ("swap.used", HostQuery::SwapUsed),
    ("swap.percent", HostQuery::SwapPercent),
    ("disk.used", HostQuery::DiskUsed),
    ("disk.free", HostQuery::DiskFree),
    ("disk.percent", HostQuery::DiskPercent),
    ("network.in", HostQuery::NetworkIn),
    ("network.out", HostQuery::NetworkOut),
    ("temperature", HostQuery::Temperature),
    ("processes", HostQuery::Processes),
    ("uptime", HostQuery::Uptime),
];

impl HostQuery {
    /// Parses a query: one name, or one placeholder that stands for a name.
    pub(super) fn parse(query: &str) -> Result<Argument<Self>, QueryError> {
        Argument::parse(query.trim(), Self::from_name, || {
            "a query of the host is one name such as cpu.total, or one placeholder such as {colour.query} that stands for a \
             whole name"
                .to_owned()
        })
    }

    /// The query of this name.
    pub(super) fn from_name(name: &str) -> Result<Self, QueryError> {
        find_named("host", "answers", name, &QUERY_NAMES)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::Bindings;

    #[test]
    fn every_name_is_read_as_itself() {
        for (name, query) in QUERY_NAMES {
            assert_eq!(HostQuery::parse(name), Ok(Argument::Value(query)));
        }
    }

    #[test]
    fn a_slip_is_told_with_the_nearest_name_and_all_names() {
        let error = HostQuery::parse("cpu.totl").unwrap_err().0;
        assert!(error.starts_with("the host has no 'cpu.totl'; did you mean 'cpu.total'? It answers cpu.total,"), "{error}");
        let error = HostQuery::parse("sales").unwrap_err().0;
        assert!(error.starts_with("the host has no 'sales'; it answers cpu.total, cpu.cores,"), "{error}");
    }

    #[test]
    fn a_placeholder_stands_for_a_whole_name_and_nothing_less() {
        let unbound = HostQuery::parse("{colour.query}").unwrap();
        let bound = |value: &str| unbound.bind(&[("colour.query".to_owned(), value.to_owned())].into(), HostQuery::from_name);
        assert_eq!(bound("swap.used"), Ok(HostQuery::SwapUsed));
        assert!(bound("swap").is_err());
        assert!(unbound.bind(&Bindings::new(), HostQuery::from_name).unwrap_err().0.contains("{colour.query} has no value"));
        for invalid in ["cpu.{what}", "{a}{b}", "{a} x", "{a", "{{cpu}}"] {
            assert!(HostQuery::parse(invalid).is_err(), "{invalid}");
        }
    }
}
