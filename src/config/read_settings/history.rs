use super::super::setting::{DeclaredTable, settings, size};

const GIB: u64 = 1024 * 1024 * 1024;

settings! {
    /// The archive of charts' past, for pages that say so with `keep`.
    #[derive(Clone, Debug)]
    pub struct HistorySettings {
        // A thousand series each second for some days, or a hundred each ten seconds for years.
        /// The largest size of all samples together. Beyond it the oldest are deleted.
        pub max_size: usize = size(1024 * 1024 * 1024, 1024 * 1024..=1024 * GIB),
    }
}

impl Default for HistorySettings {
    fn default() -> Self {
        Self::defaults()
    }
}
