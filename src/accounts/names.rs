use std::fmt;
use std::str::FromStr;

use crate::domain::PersonId;
use crate::store::{StoreError, random_uuid};

/// The longest names; that of a mail address is 254 characters (RFC 5321, 4.5.3.1.3).
const MAX_NAME_LENGTH: usize = 64;
const MAX_MAIL_LENGTH: usize = 254;

/// The prefix of the UUID in a [`PersonId`]; a directory's ids begin with the name of an LDAP attribute.
const ID_PREFIX: &str = "local:";

/// The error for a text that is no name of an account or a group, or no mail address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAccountName {
    /// Not a name.
    #[error(
        "{0:?} is no name: write 1 to {MAX_NAME_LENGTH} of the letters a-z, digits, '.', '-' and '_', beginning with a \
         letter or digit, without `local\\` before it"
    )]
    Name(String),
    /// Not a mail address.
    #[error("{0:?} is no mail address: write it as in guest@partner.example")]
    Mail(String),
}

macro_rules! account_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as text, in lower case.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidAccountName;

            fn from_str(text: &str) -> Result<Self, InvalidAccountName> {
                parse_name(text).map(Self).ok_or_else(|| InvalidAccountName::Name(text.chars().take(MAX_NAME_LENGTH).collect()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

account_name!(
    /// The name of an account, behind `local\`.
    AccountName
);
account_name!(
    /// A group of accounts, which pages name behind `local\`.
    AccountGroup
);

/// A mail address, in lower case, which its owner may type in place of the account's name where the settings name its domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MailAddress(String);

impl MailAddress {
    /// The part behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MailAddress {
    type Err = InvalidAccountName;

    fn from_str(text: &str) -> Result<Self, InvalidAccountName> {
        let address = text.trim().to_lowercase();
        let allowed = |c: char| !c.is_whitespace() && !c.is_control() && !"\\\"<>(),;:".contains(c);
        let whole = address.split_once('@').is_some_and(|(name, domain)| {
            !name.is_empty() && domain.split('.').all(|label| !label.is_empty()) && !domain.contains('@')
        });
        if whole && address.len() <= MAX_MAIL_LENGTH && address.chars().all(allowed) {
            return Ok(Self(address));
        }
        Err(InvalidAccountName::Mail(text.chars().take(MAX_MAIL_LENGTH).collect()))
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The permanent id of an account: a random UUID (RFC 9562, 5.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccountId(String);

impl AccountId {
    /// The prefix of every [`PersonId`] of an account.
    pub const PREFIX: &str = ID_PREFIX;

    /// A new id.
    ///
    /// # Errors
    /// [`StoreError::NoRandomness`] when the system has none to give.
    pub(super) fn generate() -> Result<Self, StoreError> {
        random_uuid().map(|id| Self(id.to_string()))
    }

    /// Parses an id, from a form's field or from the store.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c) || c == '-';
        (text.len() == 36 && text.chars().all(plain)).then(|| Self(text.to_owned()))
    }

    /// The id of a person's account; `None` for a directory's people.
    pub fn from_person_id(person: &PersonId) -> Option<Self> {
        person.as_str().strip_prefix(ID_PREFIX).and_then(Self::parse)
    }

    /// The UUID.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The person that signs in with the account.
    pub fn person_id(&self) -> PersonId {
        PersonId::new(format!("{ID_PREFIX}{}", self.0))
    }
}

fn parse_name(text: &str) -> Option<String> {
    let name = text.trim().to_ascii_lowercase();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    (begins && name.len() <= MAX_NAME_LENGTH && name.chars().all(allowed)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_and_has_one_spelling() {
        assert_eq!("Break.Glass-1".parse::<AccountName>().unwrap().as_str(), "break.glass-1");
        for bad in ["", " ", ".a", "a b", "a\\b", "local\\a", "a@b", "ä", "a\nb", &"a".repeat(65)] {
            assert!(bad.parse::<AccountName>().is_err(), "{bad:?}");
            assert!(bad.parse::<AccountGroup>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_mail_address_has_two_parts_and_one_spelling() {
        assert_eq!(" Ann@Partner.Example".parse::<MailAddress>().unwrap().as_str(), "ann@partner.example");
        for bad in ["", "ann", "@b", "a@", "a@b@c", "a@b..c", "a b@c", "a@b\\c", "<a@b>", "a@b\n.c", &"a@b".repeat(99)] {
            assert!(bad.parse::<MailAddress>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_account_is_known_by_its_person_and_nobody_else_is() {
        let id = AccountId::generate().unwrap();
        assert_eq!(AccountId::from_person_id(&id.person_id()), Some(id.clone()));
        assert_ne!(id, AccountId::generate().unwrap());
        assert_eq!(AccountId::parse(id.as_str()).as_ref(), Some(&id));
        for other in [format!("entryUUID:{}", id.as_str()), id.as_str().to_owned(), "local:".to_owned()] {
            assert_eq!(AccountId::from_person_id(&PersonId::new(other)), None);
        }
    }
}
