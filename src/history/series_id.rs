use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::BoundQuery;

/// The id of a series: a digest of its source, its query and the values bound to it, however often it is executed. So a page that is
/// saved with another interval, or another title, goes on with its past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type)]
#[sqlx(transparent)]
pub struct SeriesId(Uuid);

impl SeriesId {
    /// The id of what this query is answered.
    pub fn of(query: &BoundQuery) -> Self {
        let mut digest = Sha256::new();
        let bindings = query.bindings.iter().flat_map(|(key, value)| [key.as_str(), value.as_str()]);
        for part in [query.source.as_str(), &query.text].into_iter().chain(bindings) {
            // With its length before it, so that no two lists of parts are one text.
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.finalize()[..16]);
        Self(Uuid::from_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Bindings;

    #[test]
    fn another_query_source_or_value_is_another_series() {
        let id = |source: &str, text: &str, bindings: &[(&str, &str)]| {
            let bindings: Bindings = bindings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            SeriesId::of(&BoundQuery { source: source.parse().unwrap(), text: text.to_owned(), bindings })
        };
        let ids = [
            id("shop", "orders", &[]),
            id("shop", "order", &[("s", "")]),
            id("shop", "orders", &[("city", "LA")]),
            id("shop", "orders", &[("cityL", "A")]),
            id("sho", "porders", &[]),
        ];
        assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), ids.len());
        assert_eq!(ids[0], id("shop", "orders", &[]));
    }
}
