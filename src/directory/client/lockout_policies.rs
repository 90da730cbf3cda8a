use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::Timestamp;

/// How long a policy is believed: an admin who tightens it sees it held to within this.
const POLICY_AGE: Duration = Duration::from_mins(15);

/// More password settings objects than a domain has; one that is not kept is read again.
const MOST_PSOS: usize = 256;

/// When a directory locks an account (`lockoutThreshold` and `lockOutObservationWindow`, MS-SAMR 3.1.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockoutPolicy {
    /// So many wrong passwords lock it; 0 means that nothing does.
    pub threshold: u32,
    /// So long after the last wrong one the count starts afresh.
    pub window: Duration,
}

/// The lockout policies of one directory, as last read.
#[derive(Default)]
pub(in crate::directory) struct LockoutPolicies {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    domain: Option<Read>,
    /// By the objects' DNs.
    psos: HashMap<String, Read>,
}

/// A policy, or that it may not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::directory) struct Read {
    pub(in crate::directory) policy: Option<LockoutPolicy>,
    at: Timestamp,
}

impl LockoutPolicies {
    /// The domain's policy, once it has been read; however old, it is the best that is known.
    pub(in crate::directory) fn of_domain(&self) -> Option<LockoutPolicy> {
        self.kept().domain.and_then(|read| read.policy)
    }

    /// Whether the domain is to be asked now. Whoever hears so does it: others go on with what is known meanwhile.
    /// Before anything is known all of them ask, as to wait for each other at a stalled server would add up its
    /// time-outs.
    pub(in crate::directory) fn is_due(&self, now: Timestamp) -> bool {
        let mut kept = self.kept();
        let Some(read) = &mut kept.domain else { return true };
        let due = now >= read.at + POLICY_AGE;
        if due {
            read.at = now;
        }
        due
    }

    /// Whether this is news.
    pub(in crate::directory) fn keep_domain(&self, policy: Option<LockoutPolicy>, now: Timestamp) -> bool {
        let before = self.kept().domain.replace(Read { policy, at: now });
        before.is_none_or(|before| before.policy != policy)
    }

    pub(in crate::directory) fn of_pso(&self, dn: &str, now: Timestamp) -> Option<Read> {
        self.kept().psos.get(dn).filter(|read| now < read.at + POLICY_AGE).copied()
    }

    pub(in crate::directory) fn keep_pso(&self, dn: &str, policy: Option<LockoutPolicy>, now: Timestamp) {
        let mut kept = self.kept();
        if kept.psos.len() >= MOST_PSOS {
            kept.psos.retain(|_, read| now < read.at + POLICY_AGE);
        }
        if kept.psos.len() < MOST_PSOS {
            kept.psos.insert(dn.to_owned(), Read { policy, at: now });
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
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
        let policies = LockoutPolicies::default();
        assert!(policies.is_due(NOW) && policies.is_due(NOW), "all ask until something is known");
        assert!(policies.keep_domain(Some(five()), NOW));
        assert!(!policies.is_due(NOW + minutes(14)));
        assert!(policies.is_due(NOW + minutes(15)));
        assert!(!policies.is_due(NOW + minutes(15)), "one asks for all");
        assert_eq!(policies.of_domain(), Some(five()), "it is known meanwhile");
        assert!(!policies.keep_domain(Some(five()), NOW + minutes(15)), "no news");
        assert!(policies.keep_domain(None, NOW + minutes(30)));
    }

    #[test]
    fn a_password_settings_object_is_believed_for_its_time_and_they_do_not_fill_the_memory() {
        let policies = LockoutPolicies::default();
        policies.keep_pso("CN=strict", Some(five()), NOW);
        assert_eq!(policies.of_pso("CN=strict", NOW + minutes(14)).unwrap().policy, Some(five()));
        assert_eq!(policies.of_pso("CN=strict", NOW + minutes(15)), None);
        for number in 0..2 * MOST_PSOS {
            policies.keep_pso(&format!("CN={number}"), None, NOW);
        }
        assert_eq!(policies.kept().psos.len(), MOST_PSOS);
    }
}
