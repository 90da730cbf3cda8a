use std::fmt::Debug;
use std::sync::Arc;

use super::filter_workers::FilterWorkers;
use super::{Source, SourceError};
use crate::config::{Fields, OutboundSettings, SettingRow};
use crate::domain::Clock;

/// A kind of source.
pub(super) enum SourceKind {
    /// One source that is always there, with nothing to set.
    BuiltIn {
        /// The source's name in page files.
        name: &'static str,
        /// Opens the source.
        open: fn(&Arc<dyn Clock>) -> Opened,
    },
    /// The kind of sources that an admin names in `[sources]`.
    Named {
        /// The word for it under `kind`.
        word: &'static str,
        /// A name that such a source may have, for the reference and the comments in `Rocket.toml`.
        sample: &'static str,
        /// What such a source is, for the reference: `a URL that returns JSON`.
        about: &'static str,
        /// Reads a source's table, without `kind`, to the last key. `None` when something is wrong, which is reported.
        read: ReadSettings,
        /// The reference of its keys, without `kind`.
        rows: fn() -> Vec<SettingRow>,
    },
}

/// An open source, or why it cannot be opened.
pub(super) type Opened = Result<Box<dyn Source>, SourceError>;

/// The function that reads the table of a named source.
pub(super) type ReadSettings = fn(Fields<'_>) -> Option<Box<dyn SourceSettings>>;

/// The settings of one named source, as its kind has read them.
pub(super) trait SourceSettings: Debug + Send + Sync {
    /// Takes over how sources are reached over HTTP, where that matters to this one.
    fn set_outbound(&mut self, _outbound: &OutboundSettings) {}

    /// Opens the source, whose filters run on `filters`. Nothing is dialled; files that the settings name are read.
    ///
    /// # Errors
    /// [`SourceError::Broken`] when it cannot be opened.
    fn open(&self, clock: &Arc<dyn Clock>, filters: &Arc<FilterWorkers>) -> Opened;

    /// What crosses a network unencrypted for everybody to read, in words with the remedy and without a secret. `None` where nothing does.
    fn exposure(&self) -> Option<String> {
        None
    }
}
