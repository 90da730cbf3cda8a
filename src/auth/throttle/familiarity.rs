use sha2::{Digest, Sha256};

use super::Throttle;
use super::device_cookie::DeviceCookie;
use super::known_people::NameOwners;
use super::skeleton::exact_name;
use crate::domain::{Client, PersonId, Realm, Timestamp, Username};

/// The bytes of a digest that are kept: 128 bits.
const DIGEST_BYTES: usize = 16;

impl Throttle {
    /// A digest of the device cookie of a browser in which this person has signed in within the last month, and since `since`;
    /// `None` for any other browser.
    pub(in crate::auth) fn device_of(&self, client: &Client, person: &PersonId, since: Timestamp) -> Option<String> {
        let text = client.device_cookie()?;
        let device = self.keys.verify_device_cookie(DeviceCookie::parse(text)?, self.clock.now())?;
        let is_theirs = device.owner == self.keys.person_key(person) && device.issued_at() >= since;
        is_theirs.then(|| hex::encode(&Sha256::digest(text)[..DIGEST_BYTES]))
    }

    /// The owner of the browser, in words that differ from every other's, where somebody signs in with one of the owner's
    /// names.
    pub(in crate::auth) fn familiar_account(&self, client: &Client, name: &Username, realm: &Realm) -> Option<String> {
        let now = self.clock.now();
        let cookie = client.device_cookie().and_then(DeviceCookie::parse)?;
        let device = self.keys.verify_device_cookie(cookie, now)?;
        let owners = || self.counters().known.owners(self.keys.name_keys(name, realm), now);
        let is_owner = |owners: NameOwners| owners.is_exact && owners.people.contains(&device.owner);
        let is_theirs = self.keys.is_name_of_device(&device, &exact_name(name, realm)) || is_owner(owners());
        is_theirs.then(|| format!("{:016x}", device.owner.0))
    }
}
