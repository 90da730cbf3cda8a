use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;

use super::account_key::PersonKey;
use super::limits::FAMILIAR_FOR;
use crate::auth::keys::{HmacSha256, Keys};
use crate::directory::CLOCK_TOLERANCE;
use crate::domain::Timestamp;
use crate::store::{StoreError, fill_randomly};

/// The bytes of an HMAC that are kept: 128 bits, which nobody guesses.
const TAG_BYTES: usize = 16;

/// The bytes that the HMACs are over: the time, a random value and the person's key.
const HEAD_BYTES: usize = 8 + TAG_BYTES + 8;

/// The word that is signed with a name.
const NAME_LABEL: &[u8] = b"name";

/// The names that a cookie vouches for: the account's, the principal's, and the one that was typed.
const NAMES: usize = 3;

/// The bytes of a cookie: the head, its own HMAC, and one for each name.
const COOKIE_BYTES: usize = HEAD_BYTES + TAG_BYTES * (1 + NAMES);

/// The characters of a cookie: [`COOKIE_BYTES`] in base64url without padding.
const COOKIE_LEN: usize = 128;

/// A device cookie (after OWASP's against lockout): this server's signature that somebody has signed in in this
/// browser. It opens nothing and names nobody; it only keeps strangers' failures from shutting out that browser, over a
/// restart, under whatever address, and under all names of its owner.
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

    /// The cookie's value: base64url, 128 characters.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    fn head(&self) -> &[u8] {
        &self.0[..HEAD_BYTES]
    }

    fn tags(&self) -> impl Iterator<Item = &[u8]> {
        self.0[HEAD_BYTES..].chunks_exact(TAG_BYTES)
    }

    fn issued_at(&self) -> Timestamp {
        let millis = self.0.first_chunk().map_or(0, |millis| i64::from_be_bytes(*millis));
        Timestamp::from_millis(millis)
    }

    fn person(&self) -> PersonKey {
        let key = self.head().last_chunk().map_or(0, |key| u64::from_be_bytes(*key));
        PersonKey(key)
    }
}

/// The proof that the owner of a device cookie gave when it was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth) enum DeviceProof {
    /// The password alone.
    Password,
    /// A second factor, then or before in the same session.
    SecondFactor,
}

impl DeviceProof {
    /// Where the session has shown a second factor, or has not.
    pub(in crate::auth) fn of_session(has_shown_factor: bool) -> Self {
        if has_shown_factor { Self::SecondFactor } else { Self::Password }
    }

    /// The word that is signed.
    fn label(self) -> &'static [u8] {
        match self {
            Self::Password => b"person",
            Self::SecondFactor => b"person with a second factor",
        }
    }
}

/// A device cookie of ours that is not too old.
#[derive(Clone)]
pub(super) struct VerifiedDevice {
    cookie: DeviceCookie,
    /// The person who signed in in this browser.
    pub(super) owner: PersonKey,
    pub(super) proof: DeviceProof,
}

impl VerifiedDevice {
    /// When its owner signed in.
    pub(super) fn issued_at(&self) -> Timestamp {
        self.cookie.issued_at()
    }
}

impl fmt::Debug for DeviceCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceCookie(…)")
    }
}

impl Keys {
    /// A device cookie for the browser in which `person` has just signed in, who has these exact names.
    ///
    /// # Errors
    /// [`StoreError::NoRandomness`] when the system has none to give.
    pub(super) fn issue_device_cookie(
        &self,
        names: &[String],
        person: PersonKey,
        proof: DeviceProof,
        now: Timestamp,
    ) -> Result<DeviceCookie, StoreError> {
        let mut bytes = [0; COOKIE_BYTES];
        // What no name fills is random, too.
        fill_randomly(&mut bytes)?;
        bytes[..8].copy_from_slice(&now.as_millis().to_be_bytes());
        bytes[HEAD_BYTES - 8..HEAD_BYTES].copy_from_slice(&person.0.to_be_bytes());
        let (head, tags) = bytes.split_at_mut(HEAD_BYTES);
        let names = names.iter().map(|name| self.device_tag(NAME_LABEL, head, name));
        let signed = std::iter::once(self.device_tag(proof.label(), head, "")).chain(names);
        for (place, tag) in tags.chunks_exact_mut(TAG_BYTES).zip(signed) {
            place.copy_from_slice(&tag.finalize().into_bytes()[..TAG_BYTES]);
        }
        Ok(DeviceCookie(bytes))
    }

    /// The cookie's owner, if it is one of this server's and from within the last month. It may come from a server whose clock is
    /// ahead.
    pub(super) fn verify_device_cookie(&self, cookie: DeviceCookie, now: Timestamp) -> Option<VerifiedDevice> {
        let issued_at = cookie.issued_at();
        if issued_at > now + CLOCK_TOLERANCE || now >= issued_at + FAMILIAR_FOR {
            return None;
        }
        let tag = cookie.tags().next()?;
        let is_signed =
            |proof: &DeviceProof| self.device_tag(proof.label(), cookie.head(), "").verify_truncated_left(tag).is_ok();
        let proof = [DeviceProof::Password, DeviceProof::SecondFactor].into_iter().find(is_signed)?;
        Some(VerifiedDevice { owner: cookie.person(), proof, cookie })
    }

    /// Whether the owner of the cookie had this exact name when it was issued.
    pub(super) fn is_name_of_device(&self, device: &VerifiedDevice, name: &str) -> bool {
        let cookie = &device.cookie;
        let tag = self.device_tag(NAME_LABEL, cookie.head(), name);
        cookie.tags().skip(1).any(|name| tag.clone().verify_truncated_left(name).is_ok())
    }

    fn device_tag(&self, label: &[u8], head: &[u8], name: &str) -> HmacSha256 {
        self.device_hmac().chain_update(label).chain_update(head).chain_update(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_309_126_976);
    const ALICE: PersonKey = PersonKey(7);

    fn keys() -> Keys {
        Keys::from_secret(&[7; 32])
    }

    fn issued(names: &[&str]) -> DeviceCookie {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let cookie = keys().issue_device_cookie(&names, ALICE, DeviceProof::Password, NOW).unwrap();
        DeviceCookie::parse(&cookie.reveal()).unwrap()
    }

    #[test]
    fn a_cookie_is_its_owners_alone_under_all_names_for_a_month() {
        let cookie = issued(&["alice", "alicecooper", "acooper"]);
        let device = keys().verify_device_cookie(cookie.clone(), NOW).unwrap();
        assert_eq!(device.owner, ALICE);
        for name in ["alice", "alicecooper", "acooper"] {
            assert!(keys().is_name_of_device(&device, name), "{name}");
        }
        assert!(!keys().is_name_of_device(&device, "bob") && !keys().is_name_of_device(&device, ""));
        assert!(keys().verify_device_cookie(cookie.clone(), NOW + FAMILIAR_FOR).is_none(), "a month later");
        let ahead = NOW - CLOCK_TOLERANCE;
        assert!(keys().verify_device_cookie(cookie.clone(), ahead).is_some(), "issued by a server whose clock is ahead");
        assert!(keys().verify_device_cookie(cookie.clone(), ahead - CLOCK_TOLERANCE).is_none(), "from the future");
        assert!(Keys::from_secret(&[8; 32]).verify_device_cookie(cookie, NOW).is_none(), "another server's");
        let one = keys().verify_device_cookie(issued(&["alice"]), NOW).unwrap();
        assert!(!keys().is_name_of_device(&one, ""), "places without a name are nobody's");
    }

    #[test]
    fn a_cookie_that_somebody_changed_is_nobodys() {
        let cookie = issued(&["alice"]);
        for place in 0..HEAD_BYTES + 2 * TAG_BYTES {
            let mut changed = cookie.clone();
            changed.0[place] ^= 1;
            let device = keys().verify_device_cookie(changed, NOW);
            assert!(device.is_none_or(|device| !keys().is_name_of_device(&device, "alice")), "byte {place}");
        }
        for text in ["", "A", &cookie.reveal()[1..], &"=".repeat(COOKIE_LEN), &"é".repeat(COOKIE_LEN)] {
            assert_eq!(DeviceCookie::parse(text), None, "{text}");
        }
    }
}
