use std::time::Duration;

/// The longest wait between queries of a failing source: someone is looking at the board and waits for it to come back.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// The wait after the `failures`-th failure in a row of a query with the interval `every`: twice as long each time, up to a
/// minute, and never shorter than the interval.
pub(super) fn after_failures(every: Duration, failures: u32) -> Duration {
    let doubled = every.saturating_mul(1 << failures.min(16));
    doubled.min(MAX_WAIT).max(every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_never_fall_below_the_usual() {
        let second = Duration::from_secs(1);
        assert_eq!(after_failures(second, 1), 2 * second);
        assert_eq!(after_failures(second, 3), 8 * second);
        assert_eq!(after_failures(second, 40), MAX_WAIT);
        assert_eq!(after_failures(300 * second, 2), 300 * second);
    }
}
