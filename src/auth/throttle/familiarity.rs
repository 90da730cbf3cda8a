use sha2::{Digest, Sha256};

use super::Throttle;
use super::device_cookie::DeviceCookie;
use super::skeleton::skeleton;
use crate::domain::{Client, PersonId, Username};

/// The bytes of a digest that are kept: 128 bits.
const DIGEST_BYTES: usize = 16;

impl Throttle {
    /// A digest of the device cookie of a browser in which this person has signed in within the last month; `None` for any
    /// other browser.
    pub(in crate::auth) fn device_of(&self, client: &Client, person: &PersonId) -> Option<String> {
        let text = client.device_cookie()?;
        let device = self.keys.verify_device_cookie(DeviceCookie::parse(text)?, self.clock.now())?;
        (device.owner == self.keys.person_key(person)).then(|| hex::encode(&Sha256::digest(text)[..DIGEST_BYTES]))
    }

    /// The owner of the browser, in words that differ from every other's, where somebody signs in with one of the owner's
    /// names.
    pub(in crate::auth) fn familiar_account(&self, client: &Client, name: &Username) -> Option<String> {
        let now = self.clock.now();
        let cookie = client.device_cookie().and_then(DeviceCookie::parse)?;
        let device = self.keys.verify_device_cookie(cookie, now)?;
        let is_theirs = self.keys.is_name_of_device(&device, &skeleton(name))
            || self.counters().known.owners(self.keys.name_keys(name), now).contains(&device.owner);
        is_theirs.then(|| format!("{:016x}", device.owner.0))
    }
}
