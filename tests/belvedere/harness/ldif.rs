//! LDIF (RFC 2849), written so that no name breaks it: every DN and every value is in base64.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// An entry to add.
pub(crate) struct LdifEntry(String);

impl LdifEntry {
    /// Starts an entry at this DN.
    pub(crate) fn at(dn: &str) -> Self {
        Self(line("dn", dn))
    }

    /// Adds a value to the entry.
    pub(crate) fn with(mut self, attribute: &str, value: impl AsRef<[u8]>) -> Self {
        self.0 += &line(attribute, value);
        self
    }

    /// Adds these values to the entry.
    pub(crate) fn with_all(self, attribute: &str, values: &[impl AsRef<[u8]>]) -> Self {
        values.iter().fold(self, |entry, value| entry.with(attribute, value))
    }

    /// As LDIF.
    pub(crate) fn ldif(self) -> String {
        self.0 + "\n"
    }
}

/// An entry to change.
pub(crate) struct LdifChange(String);

impl LdifChange {
    /// Starts a change of the entry at this DN.
    pub(crate) fn at(dn: &str) -> Self {
        Self(line("dn", dn) + "changetype: modify\n")
    }

    /// Replaces the attribute's values by this one.
    pub(crate) fn replace(self, attribute: &str, value: impl AsRef<[u8]>) -> Self {
        self.step("replace", attribute, value)
    }

    /// Adds a value to the attribute.
    pub(crate) fn add(self, attribute: &str, value: impl AsRef<[u8]>) -> Self {
        self.step("add", attribute, value)
    }

    /// Deletes this value of the attribute.
    pub(crate) fn delete(self, attribute: &str, value: impl AsRef<[u8]>) -> Self {
        self.step("delete", attribute, value)
    }

    /// As LDIF.
    pub(crate) fn ldif(self) -> String {
        self.0 + "\n"
    }

    fn step(mut self, verb: &str, attribute: &str, value: impl AsRef<[u8]>) -> Self {
        let value = line(attribute, value);
        write!(self.0, "{verb}: {attribute}\n{value}-\n").unwrap();
        self
    }
}

/// Renames the entry at `dn`: another first part of its DN, and another parent if one is named.
pub(crate) fn rename(dn: &str, first_part: &str, parent: Option<&str>) -> String {
    let parent = parent.map(|parent| line("newsuperior", parent)).unwrap_or_default();
    format!("{}changetype: modrdn\n{}deleteoldrdn: 1\n{parent}\n", line("dn", dn), line("newrdn", first_part))
}

/// Deletes the entry at `dn`.
pub(crate) fn delete(dn: &str) -> String {
    format!("{}changetype: delete\n\n", line("dn", dn))
}

/// An entry that a search found: the values by attribute; `dn` is one of them.
pub(crate) type LdifAttributes = BTreeMap<String, Vec<Vec<u8>>>;

/// The entries in a search's output (without wrapped lines).
pub(crate) fn parse(output: &str) -> Vec<LdifAttributes> {
    let mut entries = Vec::new();
    for block in output.split("\n\n") {
        let mut entry = LdifAttributes::new();
        for line in block.lines().filter(|line| !line.starts_with('#')) {
            let Some((attribute, value)) = line.split_once(':') else { continue };
            let value = match value.strip_prefix(':') {
                Some(encoded) => BASE64_STANDARD.decode(encoded.trim()).unwrap(),
                None => value.trim_start().into(),
            };
            entry.entry(attribute.to_owned()).or_default().push(value);
        }
        if !entry.is_empty() {
            entries.push(entry);
        }
    }
    entries
}

fn line(attribute: &str, value: impl AsRef<[u8]>) -> String {
    format!("{attribute}:: {}\n", BASE64_STANDARD.encode(value))
}
