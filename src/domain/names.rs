use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest name: enough for any title made into a name, short enough for a URL and a log line.
const MAX_NAME_CHARS: usize = 64;

/// The word for the program's own accounts, where a directory's name could stand.
pub(super) const LOCAL_REALM: &str = "local";

/// The word for the default directory, likewise.
pub(super) const DEFAULT_REALM: &str = "default";

/// Why a text cannot be a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// It has other characters, or too many. With the name that may be meant.
    #[error(
        "the {0} is 1 to {MAX_NAME_CHARS} of the characters a-z, 0-9, '-' and '_', beginning with a letter or digit{meant}",
        meant = .1.as_ref().map(|meant| format!(": `{meant}`")).unwrap_or_default()
    )]
    Malformed(&'static str, Option<String>),
    /// It stands for something else.
    #[error("the {0} is none of: {list}", list = .1.join(", "))]
    Reserved(&'static str, &'static [&'static str]),
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $reserved:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let reserved: &'static [&'static str] = $reserved;
                if reserved.contains(&text) {
                    return Err(InvalidName::Reserved($what, reserved));
                }
                if is_name(text) { Ok(Self(text.to_owned())) } else { Err(InvalidName::Malformed($what, near_name(text))) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// The name of a further directory in the settings, by which pages tell its people and groups from the default
    /// directory's (`brand\alice`).
    DirectoryName,
    "directory's name",
    &[LOCAL_REALM, DEFAULT_REALM]
);

name!(
    /// The name of a page: the stem of its file, and its place in the address (`/p/<slug>`).
    PageSlug,
    "page's file name",
    &[]
);
name!(
    /// The name of a panel, unique on its page.
    PanelId,
    "panel's id",
    &[]
);
name!(
    /// The name of an input, unique on its page.
    InputName,
    "input's name",
    &[]
);
name!(
    /// The name of a source, as in `[default.sources.<name>]`.
    SourceName,
    "source's name",
    &[]
);

/// The name that a text is but for its capitals, blanks and dots.
fn near_name(text: &str) -> Option<String> {
    let name = text.trim().to_ascii_lowercase().replace([' ', '.'], "-");
    is_name(&name).then_some(name)
}

impl PanelId {
    /// The id a panel gets from its title: `"Disk, used"` becomes `disk-used`. `None` when the title has no letter
    /// or digit of the ASCII alphabet.
    pub fn from_title(title: &str) -> Option<Self> {
        let mut id = String::new();
        for c in title.chars() {
            if c.is_ascii_alphanumeric() {
                id.push(c.to_ascii_lowercase());
            } else if !id.is_empty() && !id.ends_with('-') {
                id.push('-');
            }
        }
        id.truncate(MAX_NAME_CHARS);
        id.trim_end_matches('-').parse().ok()
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    text.len() <= MAX_NAME_CHARS && text.chars().all(allowed) && text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_and_bounded() {
        assert!("this-machine".parse::<PageSlug>().is_ok());
        for bad in ["", "-a", "_a", "A", "a b", "../a", "a/b", "ä", &"a".repeat(65)] {
            assert!(bad.parse::<PageSlug>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_title_becomes_an_id() {
        assert_eq!(PanelId::from_title("CPU, all cores").unwrap().as_str(), "cpu-all-cores");
        assert_eq!(PanelId::from_title("  Größe (GB) ").unwrap().as_str(), "gr-e-gb");
        assert_eq!(PanelId::from_title("日本"), None);
    }
}
