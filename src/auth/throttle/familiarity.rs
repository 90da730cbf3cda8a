use sha2::{Digest, Sha256};

use super::Throttle;
use super::device_cookie::{DeviceCookie, DeviceOwner};
use crate::domain::{Client, PersonId};

/// The bytes of a digest that are kept: 128 bits.
const DIGEST_BYTES: usize = 16;

impl Throttle {
    /// A digest of the device cookie of a browser in which this person has signed in within the last month; `None` for any
    /// other browser.
    pub(in crate::auth) fn device_of(&self, client: &Client, person: &PersonId) -> Option<String> {
        let text = client.device_cookie()?;
        let cookie = DeviceCookie::parse(text)?;
        let digest = || hex::encode(&Sha256::digest(text)[..DIGEST_BYTES]);
        self.keys.verify_device_cookie(&cookie, DeviceOwner::Person(person), self.clock.now()).then(digest)
    }
}
