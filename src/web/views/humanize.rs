use std::time::Duration;

use crate::domain::Timestamp;

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

/// How long until [`humanize`] says another length of what has lasted for so long already.
pub(super) fn until_next_humanized(length: Duration) -> Duration {
    let unit = match length.as_secs() {
        0..=119 => 1,
        120..=7_199 => 60,
        7_200..=172_799 => 3_600,
        _ => 86_400,
    };
    Duration::from_secs((length.as_secs() / unit + 1) * unit).saturating_sub(length)
}

/// Formats a moment for people of any zone: `14:02 UTC`, and with its day when it is more than a day away.
pub(in crate::web) fn moment(at: Timestamp, away: Duration) -> String {
    let format = if away < Duration::from_hours(20) { "%H:%M UTC" } else { "%Y-%m-%d %H:%M UTC" };
    jiff::Timestamp::from_millisecond(at.as_millis())
        .map_or_else(|_beyond_all_calendars| "a later time".to_owned(), |moment| moment.strftime(format).to_string())
}

/// Formats how long somebody has to wait, rounded up: `30 s`, `4 min`, `3 h`, `5 d`.
pub(in crate::web) fn humanize_wait(wait: Duration) -> String {
    match u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX) {
        seconds @ 0..=119 => format!("{} s", seconds.max(1)),
        seconds @ 120..=7_200 => format!("{} min", seconds.div_ceil(60)),
        seconds @ 7_201..=172_800 => format!("{} h", seconds.div_ceil(3_600)),
        seconds => format!("{} d", seconds.div_ceil(86_400)),
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
        for (millis, expected) in
            [(1, "1 s"), (30_000, "30 s"), (120_001, "3 min"), (3_600_000, "60 min"), (7_300_000, "3 h"), (400_000_000, "5 d")]
        {
            assert_eq!(humanize_wait(Duration::from_millis(millis)), expected);
        }
        for millis in [0, 250, 12_000, 119_999, 120_000, 7_199_999, 7_200_000, 172_799_999, 400_000_000] {
            let length = Duration::from_millis(millis);
            let next = length + until_next_humanized(length);
            assert_ne!(humanize(length), humanize(next), "{millis}");
            assert_eq!(
                humanize(length.max(Duration::from_secs(1))),
                humanize(next.saturating_sub(Duration::from_millis(1)).max(Duration::from_secs(1)))
            );
        }
        assert_eq!(humanize_interval(Duration::from_secs(1)), "every second");
    }
}
