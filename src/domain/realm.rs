use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::names::{DEFAULT_REALM, LOCAL_REALM};
use super::{DirectoryName, InvalidName};

/// The namespace in which accounts and groups have their names: the program's own accounts, or one directory.
///
/// It follows from where somebody was looked for, never from what was found there: no attribute of a directory's entry
/// is ever read as a realm.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Realm {
    /// The program's own accounts, and their groups.
    Local,
    /// The default directory, whose names stand alone.
    #[default]
    Default,
    /// A further directory of the settings.
    Additional(DirectoryName),
}

impl Realm {
    /// The qualifier of the program's own accounts and of their groups (`local\admins`). No directory is called so.
    pub const LOCAL: &str = LOCAL_REALM;

    /// The qualifier of the default directory, for names with a backslash in them. No further directory is called so.
    pub const DEFAULT: &str = DEFAULT_REALM;

    /// The realm of the directory with this name, `None` for the default one.
    pub fn of_directory(name: Option<&DirectoryName>) -> Self {
        name.map_or(Self::Default, |name| Self::Additional(name.clone()))
    }

    /// The word for it in settings, pages and the audit.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Local => Self::LOCAL,
            Self::Default => Self::DEFAULT,
            Self::Additional(name) => name.as_str(),
        }
    }

    /// Whether it is the program's own.
    pub fn is_local(&self) -> bool {
        *self == Self::Local
    }

    /// A name of this realm as one text, which no name of another realm makes: `alice`, `brand\alice`, `local\root`, and
    /// `default\local\root` for whom the default directory itself calls `local\root`.
    pub fn qualify(&self, name: &str) -> String {
        match self {
            Self::Default if !name.contains('\\') => name.to_owned(),
            Self::Local | Self::Default | Self::Additional(_) => format!("{self}\\{name}"),
        }
    }
}

impl FromStr for Realm {
    type Err = InvalidName;

    /// Reads the qualifier of a name, in any case.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let word = text.to_lowercase();
        match word.as_str() {
            Self::LOCAL => Ok(Self::Local),
            Self::DEFAULT => Ok(Self::Default),
            name => name.parse().map(Self::Additional),
        }
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Realm {
    /// The default directory is `null`, so that what was stored before there were further ones is read as before.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Default => serializer.serialize_none(),
            Self::Local | Self::Additional(_) => serializer.serialize_str(self.as_str()),
        }
    }
}

impl<'de> Deserialize<'de> for Realm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Option::<String>::deserialize(deserializer)?;
        word.map_or(Ok(Self::Default), |word| word.parse().map_err(serde::de::Error::custom))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_has_one_word_and_a_stored_one_is_read_as_it_was_written() {
        for (text, realm) in
            [("local", Realm::Local), ("DEFAULT", Realm::Default), ("Brand", Realm::Additional("brand".parse().unwrap()))]
        {
            assert_eq!(text.parse(), Ok(realm.clone()));
            assert_eq!(realm.as_str().parse(), Ok(realm.clone()));
            assert_eq!(serde_json::from_str::<Realm>(&serde_json::to_string(&realm).unwrap()).unwrap(), realm);
        }
        for (stored, realm) in [("null", Realm::Default), ("\"local\"", Realm::Local)] {
            assert_eq!(serde_json::from_str::<Realm>(stored).unwrap(), realm);
        }
        for bad in ["", "a b", "corp.example.com", "l\u{f6}cal"] {
            assert!(bad.parse::<Realm>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn no_name_of_one_realm_is_written_as_one_of_another() {
        let realms = [Realm::Local, Realm::Default, Realm::Additional("brand".parse().unwrap())];
        let names = ["root", r"local\root", r"brand\root", r"default\root", r"default\local\root", r"\root", r"root\", "a@b"];
        let mut written: Vec<_> = realms.iter().flat_map(|realm| names.map(|name| realm.qualify(name))).collect();
        written.sort();
        written.dedup();
        assert_eq!(written.len(), realms.len() * names.len(), "{written:?}");
    }
}
