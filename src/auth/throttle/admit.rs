use std::hash::BuildHasher;
use std::sync::{Mutex, OnceLock};

use super::Throttle;
use super::account_attempts::PasswordMark;
use super::attempt::Attempt;
use super::device_cookie::DeviceCookie;
use super::permit::AttemptPermit;
use super::reason::ThrottleReason;
use super::skeleton::exact_name;
use crate::directory::LockoutInfo;
use crate::domain::{Client, Network, Password, Realm, Timestamp, Username};

impl Throttle {
    /// A permit for one attempt, by what is known before the directory is asked: `lockout` is its policy. Waits a
    /// little while other, pending attempts may use up what is left, or try the same password. `password` is `None` where the
    /// client does not send one.
    ///
    /// # Errors
    /// A [`ThrottleReason`] why not.
    pub(in crate::auth) async fn admit(
        &self,
        (username, realm): (&Username, &Realm),
        password: Option<&Password>,
        client: &Client,
        lockout: LockoutInfo,
    ) -> Result<AttemptPermit<'_>, ThrottleReason> {
        let admit = || self.try_admit((username, realm), password, client, lockout);
        let admitted = self.wait_while_pending(admit).await;
        // What was released by another process is news here only when somebody is refused.
        if admitted.is_err() && self.apply_releases().await {
            return self.wait_while_pending(admit).await;
        }
        admitted
    }

    pub(super) fn try_admit(
        &self,
        name: (&Username, &Realm),
        password: Option<&Password>,
        client: &Client,
        lockout: LockoutInfo,
    ) -> Result<AttemptPermit<'_>, ThrottleReason> {
        let now = self.clock.now();
        let mut counters = self.counters();
        // Until a directory has told its policy, after a start, what is known of anybody's holds.
        let lockout = LockoutInfo { policy: lockout.policy.or(counters.known.strictest_policy()), ..lockout };
        let attempt = self.attempt(name, password, client, lockout, now);
        let told = attempt.check_as_told(&counters, now)?;
        let counted = attempt.check(told, &counters, now).inspect_err(|reason| {
            if *reason == ThrottleReason::Withheld {
                attempt.withhold(told.unwrap_or_else(|| attempt.of_name()), &mut counters, now);
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
        (username, realm): (&Username, &Realm),
        password: Option<&Password>,
        client: &Client,
        lockout: LockoutInfo,
        now: Timestamp,
    ) -> Attempt {
        let device = client.device_cookie().and_then(DeviceCookie::parse);
        let device = device.and_then(|cookie| self.keys.verify_device_cookie(cookie, now));
        let name = exact_name(username, realm);
        let network = self.keys.network_key(Network::narrowest_of(client.address()));
        Attempt {
            name: self.keys.name_keys(username, realm),
            name_here: self.keys.name_key_in(network, username),
            realm: realm.clone(),
            lockout,
            password: password.map(|password| PasswordMark(self.hasher.hash_one(("password", password.expose())))),
            networks: Network::steps_of(client.address())
                .map(|(network, shares)| (self.hasher.hash_one(network), shares))
                .collect(),
            network,
            is_name_of_device: device.as_ref().is_some_and(|device| self.keys.is_name_of_device(device, &name)),
            device,
        }
    }
}
