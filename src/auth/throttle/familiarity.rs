use sha2::{Digest, Sha256};

use super::Throttle;
use super::device_cookie::DeviceCookie;
use crate::domain::{Client, PersonId, Timestamp};

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
}
