use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::Timestamp;

/// The longest time a policy is believed: an admin who tightens it sees it held to within this.
const POLICY_MAX_AGE: Duration = Duration::from_mins(15);

/// The most password settings objects kept, more than a domain has; one that is not kept is read again.
const MAX_PSOS: usize = 256;

/// A directory's rule for locking accounts (`lockoutThreshold` and `lockOutObservationWindow`, MS-SAMR 3.1.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockoutPolicy {
    /// The number of wrong passwords that locks an account; 0 means never.
    pub threshold: u32,
    /// The time after the last wrong password when the count starts afresh.
    pub window: Duration,
}

impl LockoutPolicy {
    /// The stricter of two policies: the lower threshold, and the longer window. A threshold of 0 is none.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        let threshold = match (self.threshold, other.threshold) {
            (0, threshold) | (threshold, 0) => threshold,
            (one, other) => one.min(other),
        };
        Self { threshold, window: self.window.max(other.window) }
    }
}

/// The lockout policies of one directory, as last read.
#[derive(Default)]
pub(in crate::directory) struct LockoutPolicyCache {
    policies: Mutex<CachedLockoutPolicies>,
}

#[derive(Default)]
struct CachedLockoutPolicies {
    domain: Option<CachedLockoutPolicy>,
    /// Whether any account is under a password settings object.
    has_settings_objects: bool,
    /// By the objects' DNs.
    psos: HashMap<String, CachedLockoutPolicy>,
}

/// A policy as last read; `None` where it may not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::directory) struct CachedLockoutPolicy {
    pub(in crate::directory) policy: Option<LockoutPolicy>,
    read_at: Timestamp,
}

impl LockoutPolicyCache {
    /// The domain's policy, once it has been read; however old, it is the best that is known.
    pub(in crate::directory) fn domain_policy(&self) -> Option<LockoutPolicy> {
        self.lock().domain.and_then(|read| read.policy)
    }

    /// Whether the caller is to read the domain's policy now. One caller is told so at a time: others go on with what
    /// is known meanwhile. Before anything is known all of them ask, as to wait for each other at a stalled server
    /// would add up its time-outs.
    pub(in crate::directory) fn is_refresh_due(&self, now: Timestamp) -> bool {
        let mut policies = self.lock();
        let Some(read) = &mut policies.domain else { return true };
        let due = now >= read.read_at + POLICY_MAX_AGE;
        if due {
            read.read_at = now;
        }
        due
    }

    /// Stores the domain's policy; whether it has changed.
    pub(in crate::directory) fn insert_domain(&self, policy: Option<LockoutPolicy>, now: Timestamp) -> bool {
        let before = self.lock().domain.replace(CachedLockoutPolicy { policy, read_at: now });
        before.is_none_or(|before| before.policy != policy)
    }

    /// Whether any account is under a password settings object, as last seen.
    pub(in crate::directory) fn has_settings_objects(&self) -> bool {
        self.lock().has_settings_objects
    }

    pub(in crate::directory) fn set_settings_objects(&self, has_any: bool) {
        self.lock().has_settings_objects = has_any;
    }

    pub(in crate::directory) fn pso_policy(&self, dn: &str, now: Timestamp) -> Option<CachedLockoutPolicy> {
        self.lock().psos.get(dn).filter(|read| now < read.read_at + POLICY_MAX_AGE).copied()
    }

    pub(in crate::directory) fn insert_pso(&self, dn: &str, policy: Option<LockoutPolicy>, now: Timestamp) {
        let mut policies = self.lock();
        if policies.psos.len() >= MAX_PSOS {
            policies.psos.retain(|_, read| now < read.read_at + POLICY_MAX_AGE);
        }
        if policies.psos.len() < MAX_PSOS {
            policies.psos.insert(dn.to_owned(), CachedLockoutPolicy { policy, read_at: now });
        }
    }

    fn lock(&self) -> MutexGuard<'_, CachedLockoutPolicies> {
        self.policies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_309_126_976);

    fn minutes(count: u64) -> Duration {
        Duration::from_mins(count)
    }

    fn five() -> LockoutPolicy {
        LockoutPolicy { threshold: 5, window: minutes(30) }
    }

    #[test]
    fn the_domain_is_asked_at_first_and_then_once_in_a_quarter_of_an_hour() {
        let policies = LockoutPolicyCache::default();
        assert!(policies.is_refresh_due(NOW) && policies.is_refresh_due(NOW), "all ask until something is known");
        assert!(policies.insert_domain(Some(five()), NOW));
        assert!(!policies.is_refresh_due(NOW + minutes(14)));
        assert!(policies.is_refresh_due(NOW + minutes(15)));
        assert!(!policies.is_refresh_due(NOW + minutes(15)), "one asks for all");
        assert_eq!(policies.domain_policy(), Some(five()), "it is known meanwhile");
        assert!(!policies.insert_domain(Some(five()), NOW + minutes(15)), "no news");
        assert!(policies.insert_domain(None, NOW + minutes(30)));
    }

    #[test]
    fn a_password_settings_object_is_believed_for_its_time_and_they_do_not_fill_the_memory() {
        let policies = LockoutPolicyCache::default();
        policies.insert_pso("CN=strict", Some(five()), NOW);
        assert_eq!(policies.pso_policy("CN=strict", NOW + minutes(14)).unwrap().policy, Some(five()));
        assert_eq!(policies.pso_policy("CN=strict", NOW + minutes(15)), None);
        for number in 0..2 * MAX_PSOS {
            policies.insert_pso(&format!("CN={number}"), None, NOW);
        }
        assert_eq!(policies.lock().psos.len(), MAX_PSOS);
    }
}
