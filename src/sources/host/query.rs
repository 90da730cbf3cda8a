//! The queries of the source `host`, and their names.

use crate::domain::{Bindings, Placeholder, TextTemplate};
use crate::sources::QueryError;
use crate::sources::text::closest_match;

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
    /// The query of this name.
    pub(super) fn from_name(name: &str) -> Result<Self, QueryError> {
        QUERY_NAMES.iter().find(|(known, _)| *known == name).map(|(_, query)| *query).ok_or_else(|| {
            let known = QUERY_NAMES.map(|(known, _)| known);
            QueryError(match closest_match(name, known) {
                Some(near) => {
                    format!("the host has no '{name}'; did you mean '{near}'? It answers {}", known.join(", "))
                }
                None => format!("the host has no '{name}'; it answers {}", known.join(", ")),
            })
        })
    }
}

/// A parsed query whose placeholder is not bound yet: one name, or one placeholder that stands for a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum UnboundHostQuery {
    Name(HostQuery),
    Placeholder(Placeholder),
}

impl UnboundHostQuery {
    /// Parses a query. A name is looked up at once, so that a typo shows when the page is loaded.
    pub(super) fn parse(query: &str) -> Result<Self, QueryError> {
        let query = query.trim();
        let template: TextTemplate = query.parse()?;
        if let Some(name) = template.literal() {
            return HostQuery::from_name(name).map(Self::Name);
        }
        let mut placeholders = template.placeholders();
        match (placeholders.next(), placeholders.next()) {
            (Some(placeholder), None) if query == format!("{{{}}}", placeholder.key) => {
                Ok(Self::Placeholder(placeholder.clone()))
            }
            _ => Err(QueryError(
                "a query of the host is one name such as cpu.total, or one placeholder such as {colour.query} that stands \
                 for a whole name"
                    .to_owned(),
            )),
        }
    }

    /// The query with the inputs' values bound.
    pub(super) fn bind(&self, bindings: &Bindings) -> Result<HostQuery, QueryError> {
        match self {
            Self::Name(query) => Ok(*query),
            Self::Placeholder(placeholder) => {
                HostQuery::from_name(placeholder.value(bindings).ok_or_else(|| QueryError::no_value(placeholder))?)
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_as_itself() {
        for (name, query) in QUERY_NAMES {
            assert_eq!(UnboundHostQuery::parse(name), Ok(UnboundHostQuery::Name(query)));
        }
    }

    #[test]
    fn a_slip_is_told_with_the_nearest_name_and_all_names() {
        let error = UnboundHostQuery::parse("cpu.totl").unwrap_err().0;
        assert!(error.starts_with("the host has no 'cpu.totl'; did you mean 'cpu.total'? It answers cpu.total,"), "{error}");
        let error = UnboundHostQuery::parse("sales").unwrap_err().0;
        assert!(error.starts_with("the host has no 'sales'; it answers cpu.total, cpu.cores,"), "{error}");
    }

    #[test]
    fn a_placeholder_stands_for_a_whole_name_and_nothing_less() {
        let unbound = UnboundHostQuery::parse("{colour.query}").unwrap();
        let bound = |value: &str| unbound.bind(&[("colour.query".to_owned(), value.to_owned())].into());
        assert_eq!(bound("swap.used"), Ok(HostQuery::SwapUsed));
        assert!(bound("swap").is_err());
        assert!(unbound.bind(&Bindings::new()).unwrap_err().0.contains("{colour.query} has no value"));
        for invalid in ["cpu.{what}", "{a}{b}", "{a} x", "{a", "{{cpu}}"] {
            assert!(UnboundHostQuery::parse(invalid).is_err(), "{invalid}");
        }
    }
}
