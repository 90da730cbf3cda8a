//! How figures are judged and written.

use std::time::Duration;

/// The word for whether an aim was reached.
pub(crate) fn verdict(reached: bool) -> &'static str {
    if reached { "reached" } else { "missed" }
}

/// A count, to divide by.
pub(crate) fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Microseconds for each of `count`.
pub(crate) fn micros_each(whole: Duration, count: usize) -> f64 {
    whole.as_secs_f64() * 1e6 / number(count.max(1))
}

/// The median and the 99th percentile. Sorts the times.
pub(crate) fn median_and_p99(times: &mut [Duration]) -> (Duration, Duration) {
    times.sort_unstable();
    let at = |part: usize| times.get(times.len().saturating_sub(1) * part / 100).copied().unwrap_or_default();
    (at(50), at(99))
}
