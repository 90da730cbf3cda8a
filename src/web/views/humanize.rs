use std::time::Duration;

/// Formats an interval: `every second`, `every 5 s`, `every 2 min`.
pub(super) fn humanize_interval(every: Duration) -> String {
    if every == Duration::from_secs(1) { "every second".to_owned() } else { format!("every {}", humanize(every)) }
}

/// Formats a duration in its largest unit: `250 ms`, `12 s`, `3 min`, `2 h`, `5 d`.
pub(in crate::web) fn humanize(length: Duration) -> String {
    match length.as_secs() {
        0 => format!("{} ms", length.as_millis()),
        seconds @ 1..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds @ 7_200..=172_799 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// Formats how long somebody has to wait, rounded up: `30 s`, `4 min`.
pub(in crate::web) fn humanize_wait(wait: Duration) -> String {
    match u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX) {
        seconds @ 0..=119 => format!("{} s", seconds.max(1)),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_said_in_their_largest_unit() {
        for (millis, expected) in
            [(250, "250 ms"), (12_000, "12 s"), (180_000, "3 min"), (7_200_000, "2 h"), (432_000_000, "5 d")]
        {
            assert_eq!(humanize(Duration::from_millis(millis)), expected);
        }
        for (millis, expected) in [(1, "1 s"), (30_000, "30 s"), (120_001, "3 min"), (3_600_000, "60 min")] {
            assert_eq!(humanize_wait(Duration::from_millis(millis)), expected);
        }
        assert_eq!(humanize_interval(Duration::from_secs(1)), "every second");
    }
}
