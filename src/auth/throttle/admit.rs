use std::hash::BuildHasher;
use std::sync::{Mutex, OnceLock};

use super::Throttle;
use super::account_key::PersonKey;
use super::attempt::{Attempt, CountedAccounts};
use super::denial::AttemptDenial;
use super::device_cookie::DeviceCookie;
use super::failure_counters::FailureCounters;
use super::limits::AddressAttempts;
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
    /// An [`AttemptDenial`] why not.
    pub(in crate::auth) async fn admit(
        &self,
        (username, realm): (&Username, &Realm),
        password: Option<&Password>,
        client: &Client,
        lockout: LockoutInfo,
    ) -> Result<AttemptPermit<'_>, AttemptDenial> {
        let admit = || self.try_admit((username, realm), password, client, lockout);
        let admitted = self.wait_while_pending(admit).await;
        // What was released by another process is news here only when somebody is refused.
        if matches!(admitted, Err(AttemptDenial::Throttled(_))) && self.counters.apply_releases().await {
            return self.wait_while_pending(admit).await;
        }
        admitted
    }

    /// Admits without waiting: attempts that are pending deny it.
    pub(super) async fn try_admit(
        &self,
        name: (&Username, &Realm),
        password: Option<&Password>,
        client: &Client,
        lockout: LockoutInfo,
    ) -> Result<AttemptPermit<'_>, AttemptDenial> {
        let mut attempt = self.attempt(name, password, client, lockout);
        // A flood of strangers is stopped before the store that others need hears of it. One's own browser is none to one's own
        // names alone.
        let is_stranger = self.counters.store.is_shared() && !attempt.is_name_of_device;
        if is_stranger {
            self.check_before_store(&attempt)?;
        }
        let scope = attempt.scope();
        let mut reserved = Err(ThrottleReason::Pending);
        let stored = self.counters.step(&scope, |counters, now| reserved = attempt.reserve(counters, now)).await;
        if let Err(error) = stored {
            // The network has nothing pending, then; the account may have, until it counts as failed.
            if reserved.is_ok() {
                self.counters.networks().update(&attempt.networks, self.clock.now(), AddressAttempts::end);
            }
            return Err(error.into());
        }
        let reservation = reserved.inspect_err(|reason| {
            if is_stranger {
                let now = self.clock.now();
                self.counters.networks().note_refused(attempt.name_here, attempt.password, *reason, now);
            }
        })?;
        Ok(AttemptPermit {
            throttle: self,
            attempt,
            sequence: reservation.sequence,
            familiar_owner: reservation.familiar_owner,
            counted: Mutex::new(reservation.counted),
            policy: OnceLock::new(),
            is_settled: false,
        })
    }

    /// Checks what this server knows by itself of a stranger's attempt.
    fn check_before_store(&self, attempt: &Attempt) -> Result<(), ThrottleReason> {
        let (networks, now) = (self.counters.networks(), self.clock.now());
        networks.check(&attempt.networks, now)?;
        networks.check_refused(attempt.name_here, attempt.password, now)
    }

    fn attempt(
        &self,
        (username, realm): (&Username, &Realm),
        password: Option<&Password>,
        client: &Client,
        lockout: LockoutInfo,
    ) -> Attempt {
        let device = client.device_cookie().and_then(DeviceCookie::parse);
        let device = device.and_then(|cookie| self.keys.verify_device_cookie(cookie, self.clock.now()));
        let name = exact_name(username, realm);
        let network = self.keys.network_key(Network::narrowest_of(client.address()));
        Attempt {
            began_at: self.clock.now(),
            name: self.keys.name_keys(username, realm),
            name_here: self.keys.name_key_in(network, username),
            realm: realm.clone(),
            lockout,
            password: password.map(|password| self.keys.password_mark(password)),
            networks: Network::steps_of(client.address())
                .map(|(network, shares)| (self.hasher.hash_one(network), shares))
                .collect(),
            network,
            is_name_of_device: device.as_ref().is_some_and(|device| self.keys.is_name_of_device(device, &name)),
            device,
        }
    }
}

/// A pending attempt, of which a permit is made.
struct Reservation {
    sequence: u64,
    counted: CountedAccounts,
    familiar_owner: Option<PersonKey>,
}

impl Attempt {
    /// Checks the attempt, and notes it as pending, or what it costs that it is withheld.
    fn reserve(&mut self, counters: &mut FailureCounters<'_>, now: Timestamp) -> Result<Reservation, ThrottleReason> {
        self.began_at = now;
        // Until a directory has told its policy, after a start, what is known of anybody's holds.
        self.lockout.policy = self.lockout.policy.or(counters.accounts.known.strictest_policy());
        let told = self.check_as_told(counters, now)?;
        let counted = self.check(told, counters, now).inspect_err(|reason| {
            if *reason == ThrottleReason::Withheld {
                self.withhold(told.unwrap_or_else(|| self.of_name()), counters, now);
                let local_now = counters.local_now;
                counters.networks.update(&self.networks, local_now, |attempts| attempts.fail(local_now));
            }
        })?;
        let sequence = counters.accounts.next_sequence();
        counted.begin(sequence, self, counters.accounts, now);
        let local_now = counters.local_now;
        counters.networks.update(&self.networks, local_now, |attempts| attempts.begin(local_now));
        Ok(Reservation { sequence, counted, familiar_owner: self.familiar_owner(counters, now) })
    }
}
