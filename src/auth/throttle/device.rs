use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;

use super::FAMILIAR_FOR;
use crate::auth::keys::{Keys, Tag};
use crate::domain::{PersonId, Timestamp};
use crate::store::{StoreError, fill_randomly};

/// So much of a tag is kept: 128 bits, which nobody guesses.
const TAG: usize = 16;

/// The time, a random value, and two tags.
const BYTES: usize = 8 + TAG * 3;

/// [`BYTES`] in base64url without padding.
const CHARACTERS: usize = 75;

/// What a browser keeps of who last signed in well in it, signed by this server. It opens nothing and names nobody; it
/// only keeps strangers' failures from shutting out the browser of somebody who belongs here, over a restart and under
/// whatever address.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceMark([u8; BYTES]);

impl DeviceMark {
    /// A mark as a cookie carries it; `None` for what cannot be one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() != CHARACTERS {
            return None;
        }
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The mark as a cookie carries it: base64url, 75 characters.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The time and the random value, which both tags are over.
    fn head(&self) -> &[u8] {
        &self.0[..8 + TAG]
    }

    fn made_at(&self) -> Timestamp {
        let millis = self.0.first_chunk().map_or(0, |millis| i64::from_be_bytes(*millis));
        Timestamp::from_millis(millis)
    }
}

impl fmt::Debug for DeviceMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceMark(…)")
    }
}

/// Whose browser it is said to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner<'a> {
    /// By the name that was typed, as all its spellings have it in common.
    Name(&'a str),
    /// By who it turned out to be.
    Person(&'a PersonId),
}

impl Keys {
    /// A mark for the browser in which `person` has just signed in as `name`.
    ///
    /// # Errors
    /// [`StoreError::NoRandomness`] when the system has none to give.
    pub(super) fn mark_device(&self, name: &str, person: &PersonId, now: Timestamp) -> Result<DeviceMark, StoreError> {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&now.as_millis().to_be_bytes());
        fill_randomly(&mut bytes[8..8 + TAG])?;
        for (place, owner) in [Owner::Name(name), Owner::Person(person)].into_iter().enumerate() {
            let tag = self.device_tag(&bytes[..8 + TAG], owner).finalize().into_bytes();
            let from = 8 + TAG * (1 + place);
            bytes[from..from + TAG].copy_from_slice(&tag[..TAG]);
        }
        Ok(DeviceMark(bytes))
    }

    /// Whether `owner` has signed in well in the browser with this mark, within the last month.
    pub(super) fn is_device_of(&self, mark: &DeviceMark, owner: Owner<'_>, now: Timestamp) -> bool {
        let made_at = mark.made_at();
        if made_at > now || now >= made_at + FAMILIAR_FOR {
            return false;
        }
        let from = match owner {
            Owner::Name(_) => 8 + TAG,
            Owner::Person(_) => 8 + TAG * 2,
        };
        self.device_tag(mark.head(), owner).verify_truncated_left(&mark.0[from..from + TAG]).is_ok()
    }

    fn device_tag(&self, head: &[u8], owner: Owner<'_>) -> Tag {
        let (kind, who): (&[u8], _) = match owner {
            Owner::Name(name) => (b"name", name),
            Owner::Person(id) => (b"person", id.as_str()),
        };
        self.device().chain_update(kind).chain_update(head).chain_update(who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_309_126_976);

    #[test]
    fn a_mark_is_its_owners_alone_under_both_names_for_a_month() {
        let keys = Keys::from_secret(&[7; 32]);
        let alice = PersonId::new("objectGUID:1");
        let mark = keys.mark_device("alice", &alice, NOW).unwrap();
        let kept = DeviceMark::parse(&mark.reveal()).unwrap();
        for owner in [Owner::Name("alice"), Owner::Person(&alice)] {
            assert!(keys.is_device_of(&kept, owner, NOW));
            assert!(!keys.is_device_of(&kept, owner, NOW + FAMILIAR_FOR), "{owner:?} a month later");
            assert!(!Keys::from_secret(&[8; 32]).is_device_of(&kept, owner, NOW), "another server's");
        }
        for owner in [Owner::Name("objectGUID:1"), Owner::Name("bob"), Owner::Person(&PersonId::new("alice"))] {
            assert!(!keys.is_device_of(&kept, owner, NOW), "{owner:?}");
        }
    }

    #[test]
    fn a_mark_that_somebody_changed_is_nobodys() {
        let keys = Keys::from_secret(&[7; 32]);
        let alice = PersonId::new("objectGUID:1");
        let mark = keys.mark_device("alice", &alice, NOW).unwrap();
        for place in 0..BYTES {
            let mut changed = mark.clone();
            changed.0[place] ^= 1;
            let both =
                [Owner::Name("alice"), Owner::Person(&alice)].map(|owner| keys.is_device_of(&changed, owner, NOW));
            assert_ne!(both, [true, true], "byte {place}");
        }
        for text in ["", "A", &mark.reveal()[1..], &"=".repeat(CHARACTERS), &"é".repeat(CHARACTERS)] {
            assert_eq!(DeviceMark::parse(text), None, "{text}");
        }
    }
}
