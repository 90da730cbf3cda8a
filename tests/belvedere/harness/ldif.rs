//! LDIF (RFC 2849), written so that no name breaks it: every DN and every value is in base64.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// An entry to add.
pub(crate) struct LdifEntry(String);

impl LdifEntry {
    /// An entry at this DN.
    pub(crate) fn at(dn: &str) -> Self {
        Self(line("dn", dn))
    }

    /// With one more value.
    pub(crate) fn with(mut self, attribute: &str, value: impl AsRef<[u8]>) -> Self {
        self.0 += &line(attribute, value);
        self
    }

    /// With these values more.
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
    /// The entry at this DN.
    pub(crate) fn at(dn: &str) -> Self {
        Self(line("dn", dn) + "changetype: modify\n")
    }

    /// The attribute has this one value from now on.
    pub(crate) fn replace(self, attribute: &str, value: impl AsRef<[u8]>) -> Self {
        self.step("replace", attribute, value)
    }

    /// The attribute has one value more.
    pub(crate) fn add(self, attribute: &str, value: impl AsRef<[u8]>) -> Self {
        self.step("add", attribute, value)
    }

    /// The attribute has this value no longer.
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

/// The entry at `dn` gets another first part of its DN, and another parent if one is named.
pub(crate) fn rename(dn: &str, first_part: &str, parent: Option<&str>) -> String {
    let parent = parent.map(|parent| line("newsuperior", parent)).unwrap_or_default();
    format!("{}changetype: modrdn\n{}deleteoldrdn: 1\n{parent}\n", line("dn", dn), line("newrdn", first_part))
}

/// The entry at `dn` goes.
pub(crate) fn delete(dn: &str) -> String {
    format!("{}changetype: delete\n\n", line("dn", dn))
}

/// What a search found: the values by attribute; `dn` is one of them.
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
