use std::time::Duration;

use super::bind_gate::LockoutInfo;
use crate::directory::client::LockoutPolicy;

/// The policy assumed of a directory that does not tell, or has not been asked yet: five wrong passwords lock, which is
/// stricter than Microsoft's baseline of ten, and half an hour without another resets the count.
const ASSUMED_POLICY: LockoutPolicy = LockoutPolicy { threshold: 5, window: Duration::from_mins(30) };

/// The policy assumed where one of its own holds for an account but may not be read: the strictest that people can live with, as
/// such are made for accounts that matter.
pub(super) const UNREADABLE_POLICY: LockoutPolicy = LockoutPolicy { threshold: 3, window: Duration::from_mins(30) };

/// The most failures of an account from unfamiliar places, however much the directory would bear: enough for anybody who
/// mistypes, and a guesser has no more of it than under a strict policy.
const MAX_UNFAMILIAR_FAILURES: u32 = 8;

/// The most failures of an account in all.
const MAX_FAILURES: u32 = 2 * MAX_UNFAMILIAR_FAILURES;

/// The most failures of a name where nobody can be asked whose it is: its account may be under password settings that
/// nobody here can see.
const MAX_UNSEEN_FAILURES: u32 = 2;

/// The names of an Active Directory account that are not alike: its `sAMAccountName` and its `userPrincipalName`.
const NAMES_PER_ACCOUNT: u32 = 2;

/// The margin between our clock's time of a failure and the directory's. With it, a count here is never reset before
/// the directory's is.
const WINDOW_MARGIN: Duration = Duration::from_mins(1);

/// The number of failures an account may have here before its attempts are refused for a while.
///
/// Let `T` be the directory's threshold. It locks an account at the `T`-th failure, each within its observation window
/// of the one before (MS-SAMR 3.1.5.14.6), and a count here outlives the directory's own by a margin. So no account is locked
/// from here as long as less than `T` failures stand in all its counts together.
///
/// - A person's failures are `T - 1` at the most. Half of them may come from unfamiliar places; what is left is their own
///   browsers' and the network's that they last signed in from. Where there is more than one left, one is kept back from that
///   network, which others may share.
/// - A name that nobody ever signed in with, where only the bind tells whose it is, has a count of its own, and an account
///   has two unlike names: each takes half of `T - 1`.
///
/// One failure must be possible, or nobody could sign in: so a threshold of 1 cannot be kept below, nor one of 2 while two
/// names of an account count apart. The directory room tells the admin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureBudget {
    /// Failures from unfamiliar places before attempts from there wait.
    pub unfamiliar: u32,
    /// Failures from everywhere but the person's own browsers, before the network they last signed in from waits too.
    pub familiar: u32,
    /// Failures in all, before the person's own browsers wait too.
    pub total: u32,
    /// The time after the *last* failure when the count is reset. A directory counts just so; a window that slides
    /// would let failures add up there.
    pub window: Duration,
}

impl FailureBudget {
    /// The budget of a name, as a stranger has it: the same whether anybody has the name or not.
    pub fn for_name(lockout: LockoutInfo) -> Self {
        let policy = lockout.policy.unwrap_or(ASSUMED_POLICY);
        let policy = if lockout.may_be_stricter { policy.stricter(UNREADABLE_POLICY) } else { policy };
        let person = Self::for_person(Some(policy));
        let threshold = policy.threshold;
        let unfamiliar = if lockout.identifies_before_bind || threshold == 0 {
            person.unfamiliar
        } else {
            (threshold.saturating_sub(1) / NAMES_PER_ACCOUNT).clamp(1, MAX_UNSEEN_FAILURES)
        };
        // Where people are known before a bind, the name's count protects nobody: it only tells strangers of all names alike.
        let longest = if lockout.identifies_before_bind { ASSUMED_POLICY.window + WINDOW_MARGIN } else { Duration::MAX };
        Self { unfamiliar, familiar: unfamiliar, total: unfamiliar, window: person.window.min(longest) }
    }

    /// The budget that each name has beyond that of [`FailureBudget::for_name`] in a network from which anybody has signed in: as much
    /// as its owner may have there. `None` where that is nothing.
    pub fn of_familiar_network(lockout: LockoutInfo) -> Option<Self> {
        let (name, person) = (Self::for_name(lockout), Self::for_person(lockout.policy));
        let beyond = person.familiar.saturating_sub(name.unfamiliar);
        (beyond > 0).then_some(Self { unfamiliar: beyond, familiar: beyond, total: beyond, window: name.window })
    }

    /// The budget of a person, all of whose names count together.
    pub fn for_person(policy: Option<LockoutPolicy>) -> Self {
        let policy = policy.unwrap_or(ASSUMED_POLICY);
        if policy.threshold == 0 {
            // There is no lockout that strangers could bring near, so their failures do not count against its owner's
            // places at all; what fails there waits longer each time, as from anywhere.
            let window = ASSUMED_POLICY.window + WINDOW_MARGIN;
            return Self { unfamiliar: MAX_UNFAMILIAR_FAILURES, familiar: u32::MAX, total: u32::MAX, window };
        }
        let total = (policy.threshold - 1).clamp(1, MAX_FAILURES);
        let unfamiliar = total.div_ceil(2);
        let familiar = (unfamiliar + 1).max(total - 1).min(total);
        Self { unfamiliar, familiar, total, window: policy.window + WINDOW_MARGIN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_mins(7);

    fn of_person(threshold: u32) -> FailureBudget {
        FailureBudget::for_person(Some(LockoutPolicy { threshold, window: WINDOW }))
    }

    fn of_name(threshold: u32, identifies_before_bind: bool) -> FailureBudget {
        let policy = Some(LockoutPolicy { threshold, window: WINDOW });
        FailureBudget::for_name(LockoutInfo::new(policy, identifies_before_bind))
    }

    #[test]
    fn a_persons_failures_stay_below_the_threshold_and_half_are_their_own() {
        for threshold in 2..100 {
            let budget = of_person(threshold);
            assert!(budget.total < threshold, "{threshold}: {budget:?}");
            assert!(1 <= budget.unfamiliar && budget.unfamiliar <= budget.familiar, "{threshold}: {budget:?}");
            assert!(budget.familiar <= budget.total && budget.unfamiliar <= budget.total.div_ceil(2), "{budget:?}");
            assert_eq!(budget.window, WINDOW + WINDOW_MARGIN);
        }
        let tries = [2, 3, 4, 5, 10, 50].map(|threshold| (of_person(threshold).unfamiliar, of_person(threshold).total));
        assert_eq!(tries, [(1, 1), (1, 2), (2, 3), (2, 4), (5, 9), (8, 16)]);
        for threshold in 4..100 {
            let budget = of_person(threshold);
            assert!(budget.familiar > budget.unfamiliar, "strangers cannot keep out that network: {threshold}");
        }
    }

    #[test]
    fn two_unlike_names_together_stay_below_the_threshold() {
        for threshold in 3..100 {
            let budget = of_name(threshold, false);
            assert!(budget.total >= 1 && NAMES_PER_ACCOUNT * budget.total < threshold, "{threshold}: {budget:?}");
        }
        assert_eq!(of_name(50, false).total, MAX_UNSEEN_FAILURES, "it may be under password settings of its own");
        for threshold in [0, 3, 4, 5, 50] {
            let policy = Some(LockoutPolicy { threshold, window: WINDOW });
            let lockout = LockoutInfo { may_be_stricter: true, ..LockoutInfo::new(policy, false) };
            assert_eq!(FailureBudget::for_name(lockout).total, 1, "{threshold}: there are such settings");
        }
    }

    #[test]
    fn a_stranger_has_as_many_tries_for_a_name_that_nobody_has() {
        for threshold in 0..100 {
            let name = of_name(threshold, true);
            assert_eq!(name.unfamiliar, of_person(threshold).unfamiliar, "{threshold}");
            assert_eq!((name.familiar, name.total), (name.unfamiliar, name.unfamiliar), "{threshold}");
        }
    }

    #[test]
    fn where_nothing_is_known_five_and_half_an_hour_are_assumed() {
        let five = FailureBudget { unfamiliar: 2, familiar: 3, total: 4, window: Duration::from_mins(31) };
        assert_eq!(FailureBudget::for_person(None), five);
        let unknown = FailureBudget::for_name(LockoutInfo::new(None, false));
        assert_eq!(unknown.total, 2);
    }

    #[test]
    fn a_threshold_that_nobody_could_sign_in_below_leaves_one_try() {
        assert_eq!((of_person(1).unfamiliar, of_person(1).total), (1, 1));
        assert_eq!(of_name(2, false).total, 1);
    }

    #[test]
    fn where_nothing_locks_strangers_are_limited_and_owners_are_not() {
        let budget = of_person(0);
        assert_eq!((budget.unfamiliar, budget.total), (MAX_UNFAMILIAR_FAILURES, u32::MAX));
        assert_eq!(of_name(0, false).unfamiliar, MAX_UNFAMILIAR_FAILURES);
    }
}
