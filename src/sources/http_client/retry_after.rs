use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::domain::Timestamp;

/// The longest that a server is left alone at its own word: one that means next year has made a mistake.
const MAX_WAIT: Duration = Duration::from_hours(24);

/// The moment before which a server has asked not to be asked again (`Retry-After`; RFC 9110, section 10.2.3).
#[derive(Default)]
pub(super) struct RetryAfter(Mutex<Option<Timestamp>>);

impl RetryAfter {
    /// The moment, while it is to come.
    pub(super) fn not_before(&self, now: Timestamp) -> Option<Timestamp> {
        let moment = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not make the wait any longer.
        moment.filter(|moment| now < *moment && *moment <= now + MAX_WAIT)
    }

    /// Obeys the headers of a refusal that came `now`: the moment, if they name one.
    pub(super) fn obey(&self, headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
        let wait = headers.get(RETRY_AFTER).and_then(|value| parse(value.to_str().ok()?.trim(), now))?;
        let moment = now + wait.min(MAX_WAIT);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(moment);
        (moment > now).then_some(moment)
    }
}

/// The wait: seconds, or until a date.
fn parse(value: &str, now: Timestamp) -> Option<Duration> {
    if !value.is_empty() && value.bytes().all(|digit| digit.is_ascii_digit()) {
        return Some(value.parse().map_or(MAX_WAIT, Duration::from_secs));
    }
    let date = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_millis(i64::try_from(date.as_millis()).ok()?).since(now))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn seconds_and_dates_are_obeyed_and_anything_else_is_not() {
        let now = Timestamp::from_millis(784_111_777_500);
        let wait = |value: &'static str| {
            let retry_after = RetryAfter::default();
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
            let moment = retry_after.obey(&headers, now);
            assert_eq!(moment, retry_after.not_before(now), "{value}");
            moment.map(|moment| moment.since(now).as_millis())
        };
        assert_eq!(wait("120"), Some(120_000));
        for date in ["Sun, 06 Nov 1994 08:50:37 GMT", "Sunday, 06-Nov-94 08:50:37 GMT", "Sun Nov  6 08:50:37 1994"] {
            assert_eq!(wait(date), Some(59_500), "{date}");
        }
        assert_eq!(wait("99999999999999999999999"), Some(MAX_WAIT.as_millis()));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), None, "it has passed");
        for nothing in ["", "-5", "soon", "1.5", "0"] {
            assert_eq!(wait(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_make_it_wait_for_ever() {
        let (retry_after, now) = (RetryAfter::default(), Timestamp::from_millis(784_111_777_500));
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("60"))]);
        retry_after.obey(&headers, now);
        assert!(retry_after.not_before(now + Duration::from_secs(59)).is_some());
        assert!(retry_after.not_before(now + Duration::from_mins(1)).is_none());
        assert!(retry_after.not_before(now - Duration::from_hours(48)).is_none());
    }
}
