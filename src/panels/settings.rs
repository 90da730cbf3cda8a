use std::ops::Range;
use std::time::Duration;

use crate::domain::SourceName;

/// Where a panel's readings come from.
#[derive(Clone, Debug)]
pub struct PanelSource {
    /// The source's name.
    pub source: SourceName,
    /// The query as written.
    pub query: String,
    /// Where in the page's text the query stands, in bytes, for diagnostics that only the source can give.
    pub query_span: Range<usize>,
    /// Where the source's name stands, in bytes.
    pub source_span: Range<usize>,
    /// How often it is asked.
    pub every: Duration,
    /// How old a reading may grow before it is shown as late.
    pub stale_after: Duration,
    /// For how long its numbers are kept over restarts.
    pub keep: Option<Duration>,
}

/// The unit of a panel's numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// A bare number.
    #[default]
    None,
    /// 0 to 100.
    Percent,
    /// Bytes, shown in KiB, MiB, GiB.
    Bytes,
    /// Bytes a second, shown in KiB/s, MiB/s.
    BytesPerSecond,
    /// Bits a second, shown in kbit/s, Mbit/s.
    BitsPerSecond,
    /// Seconds, shown as ms, s, min, h, d.
    Seconds,
    /// Degrees Celsius.
    Celsius,
    /// Anything else, written behind the number as it is.
    Other(String),
}
