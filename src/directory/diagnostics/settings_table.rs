use std::fmt;

use serde::Serialize;

use crate::domain::DirectoryName;

/// The table of the settings that a directory is set up in: `directory`, or `directories.brand`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SettingsTable(String);

impl SettingsTable {
    /// The table of the directory with this name; `None` is the default one.
    pub fn of(name: Option<&DirectoryName>) -> Self {
        name.map_or_else(Self::default, |name| Self(format!("directories.{name}")))
    }

    /// The environment variable that sets one of its keys: `BELVEDERE_DIRECTORIES__BRAND__CA_FILE`.
    pub fn variable(&self, key: &str) -> String {
        format!("BELVEDERE_{}__{}", self.0.replace('.', "__"), key).to_uppercase()
    }
}

impl Default for SettingsTable {
    /// The default directory's.
    fn default() -> Self {
        Self("directory".to_owned())
    }
}

impl fmt::Display for SettingsTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
