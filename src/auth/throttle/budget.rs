use std::time::Duration;

use crate::directory::{LockoutInfo, LockoutPolicy};

/// The policy assumed of a directory that does not tell, or has not been asked yet: five wrong passwords lock, which is
/// stricter than Microsoft's baseline of ten, and half an hour without another resets the count.
const ASSUMED_POLICY: LockoutPolicy = LockoutPolicy { threshold: 5, window: Duration::from_mins(30) };

/// The most failures of an account from unfamiliar addresses, however much the directory would bear: enough for anybody
/// who mistypes, and a guesser has no more of it than under a strict policy.
const MAX_UNFAMILIAR_FAILURES: u32 = 8;

/// The failures reserved below the threshold where all names of an account count together: one for the address from
/// which its owner last signed in, and one that is never used.
const RESERVED_FAILURES: u32 = 2;

/// The names of an Active Directory account that are not alike: its `sAMAccountName` and its `userPrincipalName`.
const NAMES_PER_ACCOUNT: u32 = 2;

/// The margin between our clock's time of a failure and the directory's. With it, a count here is never reset before
/// the directory's is.
const WINDOW_MARGIN: Duration = Duration::from_mins(1);

/// The most failures of an account.
pub(super) const MAX_FAILURES: usize = MAX_UNFAMILIAR_FAILURES as usize + 1;

/// The number of failures an account may have here before its attempts are refused for a while.
///
/// Let `T` be the directory's threshold. It locks an account at the `T`-th failure, each within its observation window
/// of the one before (MS-SAMR 3.1.5.14.6), and a count here outlives the directory's own by [`WINDOW_MARGIN`]. So
/// no account is locked from here as long as less than `T` failures stand in all its counts together.
///
/// - Where people are shown before they bind, there is one count for each person. It takes `T - 2` failures, and one
///   more from the familiar address: `T - 1` at the most.
/// - Where only the bind tells who it is, there is a count for each of an account's two unlike names. Each takes
///   `(T - 1) / 2`: at the most `T - 1` together. There is nothing left for a familiar address.
///
/// One failure must be possible, or nobody could sign in: so a threshold of 1, and without a service account one of 2,
/// cannot be kept below. The directory room tells the admin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FailureBudget {
    /// Failures before attempts from unfamiliar addresses wait.
    pub(super) failures: u32,
    /// Failures, others' included, before the account's familiar address waits too.
    pub(super) familiar: u32,
    /// The time after the *last* failure when the count is reset. A directory counts just so; a window that slides
    /// would let failures add up there.
    pub(super) window: Duration,
}

impl FailureBudget {
    /// The budget of a name, before the directory is asked.
    pub(super) fn for_name(lockout: LockoutInfo) -> Self {
        let policy = lockout.policy.unwrap_or(ASSUMED_POLICY);
        if lockout.identifies_before_bind || policy.threshold == 0 {
            return Self::for_person(lockout.policy);
        }
        let failures = ((policy.threshold - 1) / NAMES_PER_ACCOUNT).clamp(1, MAX_UNFAMILIAR_FAILURES);
        Self { failures, familiar: failures, window: policy.window + WINDOW_MARGIN }
    }

    /// The budget of a person, all of whose names count together.
    pub(super) fn for_person(policy: Option<LockoutPolicy>) -> Self {
        let policy = policy.unwrap_or(ASSUMED_POLICY);
        if policy.threshold == 0 {
            let (failures, window) = (MAX_UNFAMILIAR_FAILURES, ASSUMED_POLICY.window + WINDOW_MARGIN);
            // There is no lockout that strangers could bring near, so their failures do not count against its owner's
            // browser at all; what fails there waits longer each time, as from anywhere.
            return Self { failures, familiar: u32::MAX, window };
        }
        let failures = policy.threshold.saturating_sub(RESERVED_FAILURES).clamp(1, MAX_UNFAMILIAR_FAILURES);
        let familiar = (failures + 1).min(policy.threshold - 1).max(failures);
        Self { failures, familiar, window: policy.window + WINDOW_MARGIN }
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
        FailureBudget::for_name(LockoutInfo { policy, identifies_before_bind })
    }

    #[test]
    fn a_persons_failures_stay_below_the_threshold_the_familiar_address_included() {
        for threshold in 2..100 {
            let budget = of_person(threshold);
            assert!(budget.failures >= 1 && budget.failures <= budget.familiar, "{threshold}: {budget:?}");
            assert!(budget.familiar < threshold, "{threshold}: {budget:?}");
            assert_eq!(budget.window, WINDOW + WINDOW_MARGIN);
        }
        assert_eq!([3, 4, 5, 10, 50].map(|t| of_person(t).failures), [1, 2, 3, 8, 8]);
    }

    #[test]
    fn two_unlike_names_together_stay_below_the_threshold() {
        for threshold in 3..100 {
            let budget = of_name(threshold, false);
            assert!(budget.failures >= 1 && NAMES_PER_ACCOUNT * budget.familiar < threshold, "{threshold}: {budget:?}");
        }
    }

    #[test]
    fn where_nothing_is_known_five_and_half_an_hour_are_assumed() {
        assert_eq!(
            FailureBudget::for_person(None),
            FailureBudget { failures: 3, familiar: 4, window: Duration::from_mins(31) }
        );
        let hidden = FailureBudget::for_name(LockoutInfo { policy: None, identifies_before_bind: false });
        assert_eq!(hidden, FailureBudget { failures: 2, familiar: 2, window: Duration::from_mins(31) });
    }

    #[test]
    fn a_directory_that_never_locks_is_no_leave_to_guess_for_ever() {
        for identifies_before_bind in [true, false] {
            let budget = of_name(0, identifies_before_bind);
            assert_eq!((budget.failures, budget.window), (8, Duration::from_mins(31)));
        }
    }

    #[test]
    fn a_threshold_that_cannot_be_kept_below_still_lets_people_sign_in() {
        for identifies_before_bind in [true, false] {
            let budget = of_name(1, identifies_before_bind);
            assert_eq!((budget.failures, budget.familiar), (1, 1));
        }
    }

    #[test]
    fn no_budget_is_greater_than_the_failures_that_are_kept() {
        for threshold in 0..1000 {
            for identifies_before_bind in [true, false] {
                let budget = of_name(threshold, identifies_before_bind);
                let kept = if threshold == 0 { budget.failures } else { budget.familiar.max(budget.failures) };
                assert!(kept as usize <= MAX_FAILURES);
            }
        }
    }
}
