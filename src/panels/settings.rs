use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::kind::{KindOptions, PanelKind, Past};
use crate::domain::{PanelId, SourceName, Threshold};

/// A panel as its page defines it.
#[derive(Clone, Debug)]
pub struct PanelSettings {
    /// Distinct on the page.
    pub id: PanelId,
    /// Its heading.
    pub title: String,
    /// How the reading is shown.
    pub kind: &'static PanelKind,
    /// The settings that only this kind has.
    pub(super) options: Arc<dyn KindOptions>,
    /// How many of the grid's twelve columns it takes.
    pub span: u8,
    /// Where its readings come from. `None` only for a kind that shows none.
    pub source: Option<PanelSource>,
    /// The unit of its numbers.
    pub unit: Unit,
    /// Digits behind the point; chosen by the number's size when `None`.
    pub decimals: Option<u8>,
    /// The thresholds that give its numbers their state.
    pub thresholds: Vec<Threshold>,
}

impl PanelSettings {
    /// How much of its feed's past it shows.
    pub fn past(&self) -> Past {
        self.options.past()
    }
}

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
