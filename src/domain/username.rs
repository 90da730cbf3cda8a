use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

use super::{Realm, is_same_name};

/// The longest name: AD allows 20 characters for `sAMAccountName`, 1,024 for `userPrincipalName`; a mail address has 254.
const MAX_USERNAME_CHARS: usize = 256;

/// A name as someone typed it into the sign-in form: `alice`, `alice@corp.example.com`, `CORP\alice` or `CORP/alice`. It is
/// without what cannot be seen around it, and in Unicode's form NFC, as directories keep names and keyboards write them.
///
/// It is whatever a stranger sent: escape it before it goes into a filter, a DN or a page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Username {
    name: String,
    /// As it was typed, where that is another form than NFC.
    decomposed: Option<String>,
}

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
    /// `CORP\alice` or `CORP/alice`, a down-level logon name.
    DownLevel {
        /// The NetBIOS domain.
        domain: &'a str,
        /// The account's name in it.
        name: &'a str,
    },
}

impl Username {
    /// Accepts what somebody typed or pasted.
    ///
    /// # Errors
    /// [`InvalidUsername`] when no directory could have such a name.
    pub fn parse(typed: &str) -> Result<Self, InvalidUsername> {
        let typed = typed.trim_matches(is_invisible);
        let name: String = typed.nfc().collect();
        if name.is_empty() {
            return Err(InvalidUsername::Empty);
        }
        if name.chars().count() > MAX_USERNAME_CHARS {
            return Err(InvalidUsername::TooLong);
        }
        if name.chars().any(char::is_control) {
            return Err(InvalidUsername::ControlCharacter);
        }
        let decomposed = (name != typed).then(|| typed.to_owned());
        Ok(Self { name, decomposed })
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The name just as it was typed, where that is another form than NFC: a directory that keeps it so does not find the
    /// other.
    pub fn as_typed(&self) -> Option<Self> {
        self.decomposed.clone().map(|name| Self { name, decomposed: None })
    }

    /// Whether it names one of the program's own accounts, `local\name`: no directory is ever asked for it.
    pub fn is_local(&self) -> bool {
        matches!(self.form(), NameForm::DownLevel { domain, .. } if is_same_name(domain, Realm::LOCAL))
    }

    /// Which of the three ways it is written in. A `\` or `@` with nothing before or behind it is part of a bare name.
    pub fn form(&self) -> NameForm<'_> {
        if let Some((domain, name)) = self.name.split_once('\\')
            && !domain.is_empty()
            && !name.is_empty()
        {
            return NameForm::DownLevel { domain, name };
        }
        if let Some((domain, name)) = self.name.split_once('/')
            && is_domain(domain)
            && !name.is_empty()
            && !name.contains(['/', '@', '\\'])
        {
            return NameForm::DownLevel { domain, name };
        }
        if let Some((name, suffix)) = self.name.rsplit_once('@')
            && !name.is_empty()
            && !suffix.is_empty()
        {
            return NameForm::Principal { name, suffix };
        }
        NameForm::Bare(&self.name)
    }
}

/// Whether a domain may be called so: by a NetBIOS or DNS name.
fn is_domain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-._".contains(c))
}

/// Whether a character leaves no mark where it stands at the end of a name: white space, and what only steers how text is drawn
/// (of Unicode's property `Default_Ignorable_Code_Point`, and the blanks among letters). It comes along when a name is pasted.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        )
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
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
    fn a_slash_is_read_as_the_other_one_behind_what_can_be_a_domain() {
        let form = |typed: &'static str| Username::parse(typed).unwrap();
        for typed in ["CORP/alice", "corp.example.com/alice"] {
            assert!(matches!(form(typed).form(), NameForm::DownLevel { name: "alice", .. }), "{typed}");
        }
        assert!(form("local/root").is_local());
        for typed in ["/alice", "CORP/", "a/b/c", "CN=x/alice", "a b/c"] {
            assert_eq!(form(typed).form(), NameForm::Bare(typed));
        }
        assert!(matches!(form("a/b@corp.example").form(), NameForm::Principal { name: "a/b", .. }));
        assert_eq!(form("CORP\\a/b").form(), NameForm::DownLevel { domain: "CORP", name: "a/b" });
    }

    #[test]
    fn what_cannot_be_seen_around_a_name_is_no_part_of_it_and_letters_have_one_form() {
        for typed in [
            "alice\u{200b}",
            "\u{feff}alice",
            "\u{202a}alice\u{202c}",
            "\u{a0}\u{2060} alice \u{ad}\n",
            "\u{200e}alice\u{e007f}",
        ] {
            assert_eq!(Username::parse(typed).unwrap().as_str(), "alice", "{typed:?}");
        }
        assert_eq!(Username::parse("mu\u{308}ller").unwrap().as_str(), "m\u{fc}ller");
        assert_eq!(Username::parse("\u{200b}\u{feff}"), Err(InvalidUsername::Empty));
        for other in ["\u{ff41}lice", "\u{430}lice", "al\u{200d}ice", "\u{131}van"] {
            assert_eq!(Username::parse(other).unwrap().as_str(), other, "it may be somebody else");
        }
    }

    #[test]
    fn what_no_directory_knows_is_refused() {
        assert_eq!(Username::parse("  "), Err(InvalidUsername::Empty));
        assert_eq!(Username::parse("a\0b"), Err(InvalidUsername::ControlCharacter));
        assert_eq!(Username::parse("a\nb"), Err(InvalidUsername::ControlCharacter));
        assert_eq!(Username::parse(&"x".repeat(257)), Err(InvalidUsername::TooLong));
    }
}
