use std::fmt;

use super::{Realm, is_same_name};

/// The longest name: AD allows 20 characters for `sAMAccountName`, 1,024 for `userPrincipalName`; a mail address has 254.
const MAX_USERNAME_CHARS: usize = 256;

/// A name as someone typed it into the sign-in form, trimmed: `alice`, `alice@corp.example.com` or `CORP\alice`.
///
/// It is whatever a stranger sent: escape it before it goes into a filter, a DN or a page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Username(String);

/// Why a text is refused as a name before any directory hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUsername {
    /// Nothing was typed.
    #[error("the name is empty")]
    Empty,
    /// Longer than any directory's names.
    #[error("the name is longer than {MAX_USERNAME_CHARS} characters")]
    TooLong,
    /// Contains NUL, a line break or another control character.
    #[error("the name contains a control character")]
    ControlCharacter,
}

/// The three ways people write their account's name (MS-ADTS 5.1.1.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameForm<'a> {
    /// `alice`
    Bare(&'a str),
    /// `alice@corp.example.com`, a user principal name or a mail address.
    Principal {
        /// The part before the last `@`.
        name: &'a str,
        /// The part behind it.
        suffix: &'a str,
    },
    /// `CORP\alice`, a down-level logon name.
    DownLevel {
        /// The NetBIOS domain.
        domain: &'a str,
        /// The account's name in it.
        name: &'a str,
    },
}

impl Username {
    /// Accepts what somebody typed, without the white space around it.
    ///
    /// # Errors
    /// [`InvalidUsername`] when no directory could have such a name.
    pub fn parse(typed: &str) -> Result<Self, InvalidUsername> {
        let name = typed.trim();
        if name.is_empty() {
            return Err(InvalidUsername::Empty);
        }
        if name.chars().count() > MAX_USERNAME_CHARS {
            return Err(InvalidUsername::TooLong);
        }
        if name.chars().any(char::is_control) {
            return Err(InvalidUsername::ControlCharacter);
        }
        Ok(Self(name.to_owned()))
    }

    /// The whole name as typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names one of the program's own accounts, `local\name`: no directory is ever asked for it.
    pub fn is_local(&self) -> bool {
        matches!(self.form(), NameForm::DownLevel { domain, .. } if is_same_name(domain, Realm::LOCAL))
    }

    /// Which of the three ways it is written in. A `\` or `@` with nothing before or behind it is part of a bare name.
    pub fn form(&self) -> NameForm<'_> {
        if let Some((domain, name)) = self.0.split_once('\\')
            && !domain.is_empty()
            && !name.is_empty()
        {
            return NameForm::DownLevel { domain, name };
        }
        if let Some((name, suffix)) = self.0.rsplit_once('@')
            && !name.is_empty()
            && !suffix.is_empty()
        {
            return NameForm::Principal { name, suffix };
        }
        NameForm::Bare(&self.0)
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_are_told_apart() {
        let form = |typed: &'static str| Username::parse(typed).unwrap();
        assert_eq!(form(" alice ").form(), NameForm::Bare("alice"));
        assert_eq!(form("CORP\\alice").form(), NameForm::DownLevel { domain: "CORP", name: "alice" });
        assert_eq!(form("o'neil@corp.example").form(), NameForm::Principal { name: "o'neil", suffix: "corp.example" });
        assert_eq!(form("\\").form(), NameForm::Bare("\\"));
        assert_eq!(form("@x").form(), NameForm::Bare("@x"));
    }

    #[test]
    fn what_no_directory_knows_is_refused() {
        assert_eq!(Username::parse("  "), Err(InvalidUsername::Empty));
        assert_eq!(Username::parse("a\0b"), Err(InvalidUsername::ControlCharacter));
        assert_eq!(Username::parse("a\nb"), Err(InvalidUsername::ControlCharacter));
        assert_eq!(Username::parse(&"x".repeat(257)), Err(InvalidUsername::TooLong));
    }
}
