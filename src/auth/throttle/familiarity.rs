use sha2::{Digest, Sha256};

use super::Throttle;
use super::device_cookie::{DeviceCookie, DeviceOwner};
use super::skeleton::skeleton;
use crate::domain::{Client, PersonId, Username};

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

    /// The skeleton of the name, where somebody signs in with it from a browser in which its owner has signed in before.
    pub(in crate::auth) fn familiar_account(&self, client: &Client, name: &Username) -> Option<String> {
        let cookie = client.device_cookie().and_then(DeviceCookie::parse)?;
        let skeleton = skeleton(name);
        self.keys.verify_device_cookie(&cookie, DeviceOwner::Name(&skeleton), self.clock.now()).then_some(skeleton)
    }
}
