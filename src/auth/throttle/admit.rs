use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;

use super::Throttle;
use super::budget::FailureBudget;
use super::device_cookie::{DeviceCookie, DeviceOwner};
use super::failure_counters::{AccountKey, AttemptOrigin};
use super::limits::ThrottleReason;
use super::permit::{AttemptPermit, CountedPerson};
use super::skeleton::skeleton;
use crate::directory::LockoutInfo;
use crate::domain::{Client, Username};

impl Throttle {
    /// A permit for one attempt, by what is known before the directory is asked: `lockout` is its policy. Waits a
    /// little while other, pending attempts may use up what is left.
    ///
    /// # Errors
    /// [`ThrottleReason::Exhausted`] when there were too many failures, [`ThrottleReason::Pending`] when the others did not
    /// end in time.
    pub(in crate::auth) async fn admit(
        &self,
        username: &Username,
        client: &Client,
        lockout: LockoutInfo,
    ) -> Result<AttemptPermit<'_>, ThrottleReason> {
        self.wait_while_pending(|| self.try_admit(username, client, lockout)).await
    }

    pub(super) fn try_admit(
        &self,
        username: &Username,
        client: &Client,
        lockout: LockoutInfo,
    ) -> Result<AttemptPermit<'_>, ThrottleReason> {
        let now = self.clock.now();
        let skeleton = skeleton(username);
        let device_cookie = client.device_cookie().and_then(DeviceCookie::parse);
        let is_own = |cookie: &DeviceCookie| self.keys.verify_device_cookie(cookie, DeviceOwner::Name(&skeleton), now);
        let origin = AttemptOrigin {
            address: self.hasher.hash_one(client.address().map(network_prefix)),
            is_own_device: device_cookie.as_ref().is_some_and(is_own),
        };
        let account = AccountKey::Name(self.hasher.hash_one(("account", &skeleton)));
        let typed_name = self.hasher.hash_one(("typed", username.as_str().to_lowercase()));
        let budget = FailureBudget::for_name(lockout);
        let mut counters = self.counters();
        let person = counters.name_owners.get(typed_name, now).map(AccountKey::Person);
        let of_account = counters.check_account(account, budget, origin, now).err();
        let of_person = person.and_then(|person| counters.check_account(person, budget, origin, now).err());
        // Where the person is known before the bind, pending attempts are waited for then, when it is sure whose they
        // are.
        let of_person = of_person.filter(|reason| !lockout.identifies_before_bind || *reason != ThrottleReason::Pending);
        let of_address =
            if counters.is_familiar(account, origin, now) { None } else { counters.check_address(origin.address, now).err() };
        if let Some(reason) = of_account.max(of_person).max(of_address) {
            return Err(reason);
        }
        let person = person.filter(|_| !lockout.identifies_before_bind).map(|person| CountedPerson { person, budget });
        for account in [Some(account), person.map(|counted| counted.person)].into_iter().flatten() {
            counters.update_account(account, now, |attempts| attempts.begin(now));
        }
        counters.update_address(origin.address, now, |attempts| attempts.begin(now));
        let sequence = counters.next_sequence();
        let person = Mutex::new(person);
        Ok(AttemptPermit {
            throttle: self,
            account,
            budget,
            typed_name,
            origin,
            device_cookie,
            sequence,
            person,
            settled: false,
        })
    }
}

/// The network that an address is counted by: an IPv6 /64 counts as one, since it belongs to one subscriber (RFC 6177).
fn network_prefix(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}
