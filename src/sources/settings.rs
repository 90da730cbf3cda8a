//! The reader of `[sources]`: each table by its kind.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use rocket::figment::Figment;

use super::filter_workers::FilterWorkers;
use super::kind::{Opened, ReadSettings, SourceKind, SourceSettings};
use super::kinds::KINDS;
use crate::config::{ConfigEntry, DiagnosticSink, Diagnostics, Fields, SettingRow, Settings, quote};
use crate::domain::{Clock, Fingerprint, SourceName};

/// The sources that an admin has named, in the order written: their settings are read, and they are not open yet.
#[derive(Debug, Default)]
pub struct NamedSources(pub(super) IndexMap<SourceName, NamedSource>);

/// A source that an admin has named.
pub(super) struct NamedSource {
    pub(super) settings: Box<dyn SourceSettings>,
    /// Of its table as it was written.
    pub(super) fingerprint: Fingerprint,
}

impl NamedSource {
    /// Opens it, as [`SourceSettings::open`] does.
    pub(super) fn open(&self, clock: &Arc<dyn Clock>, filters: &Arc<FilterWorkers>) -> Opened {
        self.settings.open(clock, filters)
    }
}

impl fmt::Debug for NamedSource {
    /// The settings alone: the fingerprint follows from secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

/// Parses the settings in the selected profile of `figment`, `[sources]` included.
///
/// # Errors
/// Every error in all of them, each with its location (file, line and column, or the environment variable) and correction.
pub fn read_settings(figment: &Figment) -> Result<(Settings, NamedSources), Diagnostics> {
    let (settings, mut named) = Settings::from_figment_with(figment, NamedSources::read)?;
    named.0.values_mut().for_each(|source| source.settings.set_outbound(&settings.outbound));
    Ok((settings, named))
}

/// The reference of all settings, `[sources]` included.
pub fn reference() -> Vec<SettingRow> {
    let mut settings = Settings::reference();
    let table = KINDS.iter().filter_map(sample_source).collect();
    settings.push(SettingRow { key: "sources", table, ..SettingRow::default() });
    settings
}

/// The reference of the sources of a kind, under a sample name.
fn sample_source(kind: &SourceKind) -> Option<SettingRow> {
    let SourceKind::Named { word, sample, about, rows, .. } = kind else { return None };
    let kind = SettingRow {
        key: "kind",
        default: "required".to_owned(),
        values: format!("`{word}`"),
        about: format!("The kind of source: {about}."),
        example: format!("\"{word}\""),
        table: Vec::new(),
    };
    Some(SettingRow { key: sample, table: std::iter::once(kind).chain(rows()).collect(), ..SettingRow::default() })
}

impl NamedSources {
    /// Reads the table `[sources]`. `None` when something in it is wrong, which is reported.
    pub(crate) fn read(mut fields: Fields<'_>) -> Option<Self> {
        let entries = fields.take_rest();
        let count = entries.len();
        let sources: IndexMap<_, _> = entries.into_iter().filter_map(|entry| read_source(entry, fields.sink)).collect();
        (sources.len() == count).then_some(Self(sources))
    }

    /// The sources whose credentials cross a network unencrypted, each with words about it.
    pub fn exposures(&self) -> impl Iterator<Item = (&SourceName, String)> {
        self.0.iter().filter_map(|(name, source)| Some((name, source.settings.exposure()?)))
    }
}

fn read_source(entry: ConfigEntry, sink: &DiagnosticSink) -> Option<(SourceName, NamedSource)> {
    if KINDS.iter().any(|kind| matches!(kind, SourceKind::BuiltIn { name, .. } if *name == entry.key)) {
        let message = format!("the source `{}` is built in and has nothing to set", entry.key);
        sink.report(&entry.key_location, message, "give this source another name");
        return None;
    }
    let name = match entry.key.parse::<SourceName>() {
        Ok(name) => Some(name),
        Err(error) => {
            sink.report(&entry.key_location, format!("a source cannot be called {}", quote(&entry.key)), error.to_string());
            None
        }
    };
    let fingerprint = entry.node.fingerprint();
    let mut table = entry.node.into_table(&entry.key, sink)?;
    let kinds: Vec<(&str, ReadSettings)> = KINDS
        .iter()
        .filter_map(|kind| match kind {
            SourceKind::Named { word, read, .. } => Some((*word, *read)),
            SourceKind::BuiltIn { .. } => None,
        })
        .collect();
    let examples: Vec<_> = kinds.iter().map(|(word, _)| format!("`kind = \"{word}\"`")).collect();
    table.require("kind", &format!("say what it is: {}", examples.join(" or ")));
    // Which other keys are right depends on the kind, so without it nothing more is said.
    let read = table.enumeration("kind", &kinds)?.value;
    let settings = read(table)?;
    Some((name?, NamedSource { settings, fingerprint }))
}

#[cfg(test)]
pub(super) mod tests;
