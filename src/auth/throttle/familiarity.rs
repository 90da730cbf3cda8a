use sha2::{Digest, Sha256};

use super::Throttle;
use super::device_cookie::{DeviceCookie, DeviceProof};
use crate::directory::CLOCK_TOLERANCE;
use crate::domain::{Client, PersonId, Timestamp};

/// The bytes of a digest that are kept: 128 bits.
const DIGEST_BYTES: usize = 16;

impl Throttle {
    /// A digest of the device cookie of a browser in which this person has shown a second factor within the last month, and since
    /// `since`, by whichever server's clock; `None` for any other browser.
    pub(in crate::auth) fn device_of(&self, client: &Client, person: &PersonId, since: Timestamp) -> Option<String> {
        let text = client.device_cookie()?;
        let device = self.keys.verify_device_cookie(DeviceCookie::parse(text)?, self.clock.now())?;
        // Not by the time alone: a server whose clock is ahead may have issued one for the password before there was a factor.
        let is_shown = device.proof == DeviceProof::SecondFactor && device.issued_at() + CLOCK_TOLERANCE >= since;
        (is_shown && device.owner == self.keys.person_key(person)).then(|| hex::encode(&Sha256::digest(text)[..DIGEST_BYTES]))
    }
}
