use std::hash::BuildHasher;
use std::sync::{Mutex, OnceLock};

use super::Throttle;
use super::account_attempts::PasswordMark;
use super::attempt::Attempt;
use super::device_cookie::DeviceCookie;
use super::permit::AttemptPermit;
use super::reason::ThrottleReason;
use super::skeleton::skeleton;
use crate::directory::LockoutInfo;
use crate::domain::{Client, Network, Password, Timestamp, Username};

impl Throttle {
    /// A permit for one attempt, by what is known before the directory is asked: `lockout` is its policy. Waits a
    /// little while other, pending attempts may use up what is left, or try the same password. `password` is `None` where the
    /// client does not send one.
    ///
    /// # Errors
    /// A [`ThrottleReason`] why not.
    pub(in crate::auth) async fn admit(
        &self,
        username: &Username,
        password: Option<&Password>,
        client: &Client,
        lockout: LockoutInfo,
    ) -> Result<AttemptPermit<'_>, ThrottleReason> {
        let admitted = self.wait_while_pending(|| self.try_admit(username, password, client, lockout)).await;
        // What was released by another process is news here only when somebody is refused.
        if admitted.is_err() && self.apply_releases().await {
            return self.wait_while_pending(|| self.try_admit(username, password, client, lockout)).await;
        }
        admitted
    }

    pub(super) fn try_admit(
        &self,
        username: &Username,
        password: Option<&Password>,
        client: &Client,
        lockout: LockoutInfo,
    ) -> Result<AttemptPermit<'_>, ThrottleReason> {
        let now = self.clock.now();
        let attempt = self.attempt(username, password, client, lockout, now);
        let mut counters = self.counters();
        let counted = attempt.check(&counters, now).inspect_err(|reason| {
            if *reason == ThrottleReason::Withheld {
                attempt.withhold(&mut counters, now);
                attempt.update_networks(&mut counters, now, |attempts| attempts.fail(now));
            }
        })?;
        counted.begin(&attempt, &mut counters, now);
        attempt.update_networks(&mut counters, now, |attempts| attempts.begin(now));
        let sequence = counters.next_sequence();
        Ok(AttemptPermit {
            throttle: self,
            attempt,
            sequence,
            counted: Mutex::new(counted),
            policy: OnceLock::new(),
            is_settled: false,
        })
    }

    fn attempt(
        &self,
        username: &Username,
        password: Option<&Password>,
        client: &Client,
        lockout: LockoutInfo,
        now: Timestamp,
    ) -> Attempt {
        let device = client.device_cookie().and_then(DeviceCookie::parse);
        let device = device.and_then(|cookie| self.keys.verify_device_cookie(cookie, now));
        let name = skeleton(username);
        Attempt {
            name: self.keys.name_keys(username),
            lockout,
            password: password.map(|password| PasswordMark(self.hasher.hash_one(("password", password.expose())))),
            networks: Network::steps_of(client.address())
                .map(|(network, shares)| (self.hasher.hash_one(network), shares))
                .collect(),
            network: self.keys.network_key(Network::narrowest_of(client.address())),
            is_name_of_device: device.as_ref().is_some_and(|device| self.keys.is_name_of_device(device, &name)),
            device,
        }
    }
}
