use std::time::Duration;

/// A length in milliseconds, as a column has it.
pub fn millis_of(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}
