use itertools::Itertools;

use super::kind::PanelKind;
use super::{area, bar, gauge, line, stat, states, table, text};

/// Every kind of panel, in the order in which messages list them.
pub static PANEL_KINDS: &[&PanelKind] =
    &[&stat::KIND, &gauge::KIND, &line::KIND, &area::KIND, &bar::KIND, &table::KIND, &states::KIND, &text::KIND];

/// The keys of panels whose kind shows what a source answers.
const SOURCE_KEYS: &[&str] = &["source", "query", "every", "stale_after", "unit", "decimals", "thresholds"];

impl PanelKind {
    /// Whether panels of this kind have the key.
    pub(super) fn has_key(&self, key: &str) -> bool {
        self.keys.contains(&key) || (self.has_source && SOURCE_KEYS.contains(&key))
    }
}

/// The keys that not every kind has.
pub(super) fn kind_specific_keys() -> impl Iterator<Item = &'static str> {
    SOURCE_KEYS.iter().chain(PANEL_KINDS.iter().flat_map(|kind| kind.keys)).copied().unique()
}
