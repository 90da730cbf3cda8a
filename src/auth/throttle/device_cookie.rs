use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;

use super::limits::FAMILIAR_FOR;
use crate::auth::keys::{HmacSha256, Keys};
use crate::domain::{PersonId, Timestamp};
use crate::store::{StoreError, fill_randomly};

/// The bytes of an HMAC that are kept: 128 bits, which nobody guesses.
const TAG_BYTES: usize = 16;

/// The bytes of a cookie: the time, a random value, and two HMACs.
const COOKIE_BYTES: usize = 8 + TAG_BYTES * 3;

/// The characters of a cookie: [`COOKIE_BYTES`] in base64url without padding.
const COOKIE_LEN: usize = 75;

/// A device cookie (after OWASP's against lockout): this server's signature that somebody has signed in in this
/// browser. It opens nothing and names nobody; it only keeps strangers' failures from shutting out that browser, over a
/// restart and under whatever address.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceCookie([u8; COOKIE_BYTES]);

impl DeviceCookie {
    /// Parses a cookie's value; `None` for what cannot be one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() != COOKIE_LEN {
            return None;
        }
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The cookie's value: base64url, 75 characters.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The time and the random value, which both HMACs are over.
    fn head(&self) -> &[u8] {
        &self.0[..8 + TAG_BYTES]
    }

    fn issued_at(&self) -> Timestamp {
        let millis = self.0.first_chunk().map_or(0, |millis| i64::from_be_bytes(*millis));
        Timestamp::from_millis(millis)
    }
}

impl fmt::Debug for DeviceCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceCookie(…)")
    }
}

/// The owner that a device cookie is verified for.
#[derive(Clone, Copy, Debug)]
pub(super) enum DeviceOwner<'a> {
    /// The skeleton of the typed name.
    Name(&'a str),
    /// The person.
    Person(&'a PersonId),
}

impl Keys {
    /// A device cookie for the browser in which `person` has just signed in as `name`.
    ///
    /// # Errors
    /// [`StoreError::NoRandomness`] when the system has none to give.
    pub(super) fn issue_device_cookie(
        &self,
        name: &str,
        person: &PersonId,
        now: Timestamp,
    ) -> Result<DeviceCookie, StoreError> {
        let mut bytes = [0; COOKIE_BYTES];
        bytes[..8].copy_from_slice(&now.as_millis().to_be_bytes());
        fill_randomly(&mut bytes[8..8 + TAG_BYTES])?;
        for (place, owner) in [DeviceOwner::Name(name), DeviceOwner::Person(person)].into_iter().enumerate() {
            let tag = self.device_tag(&bytes[..8 + TAG_BYTES], owner).finalize().into_bytes();
            let from = 8 + TAG_BYTES * (1 + place);
            bytes[from..from + TAG_BYTES].copy_from_slice(&tag[..TAG_BYTES]);
        }
        Ok(DeviceCookie(bytes))
    }

    /// Whether `owner` has signed in in the browser with this cookie, within the last month.
    pub(super) fn verify_device_cookie(&self, cookie: &DeviceCookie, owner: DeviceOwner<'_>, now: Timestamp) -> bool {
        let issued_at = cookie.issued_at();
        if issued_at > now || now >= issued_at + FAMILIAR_FOR {
            return false;
        }
        let from = match owner {
            DeviceOwner::Name(_) => 8 + TAG_BYTES,
            DeviceOwner::Person(_) => 8 + TAG_BYTES * 2,
        };
        self.device_tag(cookie.head(), owner).verify_truncated_left(&cookie.0[from..from + TAG_BYTES]).is_ok()
    }

    fn device_tag(&self, head: &[u8], owner: DeviceOwner<'_>) -> HmacSha256 {
        let (kind, who): (&[u8], _) = match owner {
            DeviceOwner::Name(name) => (b"name", name),
            DeviceOwner::Person(id) => (b"person", id.as_str()),
        };
        self.device_hmac().chain_update(kind).chain_update(head).chain_update(who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_309_126_976);

    #[test]
    fn a_cookie_is_its_owners_alone_under_both_names_for_a_month() {
        let keys = Keys::from_secret(&[7; 32]);
        let alice = PersonId::new("objectGUID:1");
        let cookie = keys.issue_device_cookie("alice", &alice, NOW).unwrap();
        let kept = DeviceCookie::parse(&cookie.reveal()).unwrap();
        for owner in [DeviceOwner::Name("alice"), DeviceOwner::Person(&alice)] {
            assert!(keys.verify_device_cookie(&kept, owner, NOW));
            assert!(!keys.verify_device_cookie(&kept, owner, NOW + FAMILIAR_FOR), "{owner:?} a month later");
            assert!(!Keys::from_secret(&[8; 32]).verify_device_cookie(&kept, owner, NOW), "another server's");
        }
        for owner in [DeviceOwner::Name("objectGUID:1"), DeviceOwner::Name("bob"), DeviceOwner::Person(&PersonId::new("alice"))]
        {
            assert!(!keys.verify_device_cookie(&kept, owner, NOW), "{owner:?}");
        }
    }

    #[test]
    fn a_cookie_that_somebody_changed_is_nobodys() {
        let keys = Keys::from_secret(&[7; 32]);
        let alice = PersonId::new("objectGUID:1");
        let cookie = keys.issue_device_cookie("alice", &alice, NOW).unwrap();
        for place in 0..COOKIE_BYTES {
            let mut changed = cookie.clone();
            changed.0[place] ^= 1;
            let both = [DeviceOwner::Name("alice"), DeviceOwner::Person(&alice)]
                .map(|owner| keys.verify_device_cookie(&changed, owner, NOW));
            assert_ne!(both, [true, true], "byte {place}");
        }
        for text in ["", "A", &cookie.reveal()[1..], &"=".repeat(COOKIE_LEN), &"é".repeat(COOKIE_LEN)] {
            assert_eq!(DeviceCookie::parse(text), None, "{text}");
        }
    }
}
