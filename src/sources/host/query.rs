//! What the host can be asked, as names and as meant.

use crate::domain::{Bindings, TextTemplate};
use crate::sources::words::nearest;

/// One thing to ask of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostQuery {
    CpuTotal,
    CpuCores,
    Load(LoadOver),
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

/// Over how long the load is averaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoadOver {
    OneMinute,
    FiveMinutes,
    FifteenMinutes,
}

/// Every name, in the order error messages list them.
pub(super) const NAMES: [(&str, HostQuery); 19] = [
    ("cpu.total", HostQuery::CpuTotal),
    ("cpu.cores", HostQuery::CpuCores),
    ("load.1", HostQuery::Load(LoadOver::OneMinute)),
    ("load.5", HostQuery::Load(LoadOver::FiveMinutes)),
    ("load.15", HostQuery::Load(LoadOver::FifteenMinutes)),
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
    /// Reads a name.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, query)| *query).ok_or_else(|| {
            let known = NAMES.map(|(known, _)| known);
            match nearest(name, known) {
                Some(near) => {
                    format!("the host has no '{name}'; did you mean '{near}'? It answers {}", known.join(", "))
                }
                None => format!("the host has no '{name}'; it answers {}", known.join(", ")),
            }
        })
    }
}

/// The query as its author wrote it: one name, or one placeholder that stands for a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    Name(HostQuery),
    Placeholder(String),
}

impl Written {
    /// Reads a query. A name is looked up at once, so that a slip shows when the page is loaded.
    pub(super) fn parse(query: &str) -> Result<Self, String> {
        let query = query.trim();
        let pattern: TextTemplate = query.parse().map_err(|fault| format!("{fault}"))?;
        if let Some(name) = pattern.literal() {
            return HostQuery::named(name).map(Self::Name);
        }
        let mut slots = pattern.placeholders();
        match (slots.next(), slots.next()) {
            (Some(slot), None) if query == format!("{{{}}}", slot.key) => Ok(Self::Placeholder(slot.key.clone())),
            _ => Err("a query of the host is one name such as cpu.total, or one placeholder such as {colour.query} \
                      that stands for a whole name"
                .to_owned()),
        }
    }

    /// What is asked once the inputs' values are known.
    pub(super) fn bind(&self, bindings: &Bindings) -> Result<HostQuery, String> {
        match self {
            Self::Name(query) => Ok(*query),
            Self::Placeholder(key) => {
                HostQuery::named(bindings.get(key).ok_or_else(|| format!("{{{key}}} has no value"))?)
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
        for (name, query) in NAMES {
            assert_eq!(Written::parse(name), Ok(Written::Name(query)));
        }
    }

    #[test]
    fn a_slip_is_told_with_the_nearest_name_and_all_names() {
        let fault = Written::parse("cpu.totl").unwrap_err();
        assert!(
            fault.starts_with("the host has no 'cpu.totl'; did you mean 'cpu.total'? It answers cpu.total,"),
            "{fault}"
        );
        let fault = Written::parse("sales").unwrap_err();
        assert!(fault.starts_with("the host has no 'sales'; it answers cpu.total, cpu.cores,"), "{fault}");
    }

    #[test]
    fn a_placeholder_stands_for_a_whole_name_and_nothing_less() {
        let written = Written::parse("{colour.query}").unwrap();
        let bound = |value: &str| written.bind(&[("colour.query".to_owned(), value.to_owned())].into());
        assert_eq!(bound("swap.used"), Ok(HostQuery::SwapUsed));
        assert!(bound("swap").is_err());
        assert!(written.bind(&Bindings::new()).unwrap_err().contains("{colour.query} has no value"));
        for crooked in ["cpu.{what}", "{a}{b}", "{a} x", "{a", "{{cpu}}"] {
            assert!(Written::parse(crooked).is_err(), "{crooked}");
        }
    }
}
