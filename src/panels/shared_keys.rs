//! Keys that several kinds have.

use std::time::Duration;

use super::kind::ReadContext;
use crate::config::{Fields, format_duration};

/// The default of `window` for charts and sparklines.
const DEFAULT_WINDOW: Duration = Duration::from_mins(15);

/// The most points: more than a wide screen has columns of pixels; every viewer gets all of them at the first paint.
const MAX_POINTS: u32 = 3_600;

/// The longest window: history is kept in memory; what goes further back belongs into a database.
const MAX_WINDOW: Duration = Duration::from_hours(24 * 30);

/// A window that holds no more than [`MAX_POINTS`] readings.
pub(super) fn read_window(fields: &mut Fields<'_>, context: &ReadContext<'_>) -> Option<Duration> {
    let every = context.every;
    let most = every.saturating_mul(MAX_POINTS);
    fields.optional("window", DEFAULT_WINDOW.min(most), |fields, key| {
        let window = fields.duration(key, every..=MAX_WINDOW.max(every))?;
        if window.value <= most {
            return Some(window.value);
        }
        let points = window.value.as_millis() / every.as_millis().max(1);
        let slower = Duration::from_secs((window.value / MAX_POINTS).as_secs() + 1);
        fields.sink.report(
            &window.location,
            format!("`window` would hold {points} points, and {MAX_POINTS} are the most"),
            format!(
                "ask more seldom, `every = \"{}\"`, or look back at most {}",
                format_duration(slower),
                format_duration(most)
            ),
        );
        None
    })
}

/// `min` and `max`, either of which may be left out. `None` when something is wrong.
pub(super) fn read_bounds(fields: &mut Fields<'_>) -> Option<(Option<f64>, Option<f64>)> {
    let min = fields.optional("min", None, |fields, key| fields.float(key).map(Some));
    let max = fields.optional("max", None, |fields, key| fields.float(key).map(Some));
    let (min, max) = (min?, max?);
    if let (Some(min), Some(max)) = (&min, &max)
        && min.value >= max.value
    {
        let message = format!("`max` is {}, which is not above the `min` of {}", max.value, min.value);
        fields.sink.report(&max.location, message, "write a `max` above the `min`");
        return None;
    }
    Some((min.map(|min| min.value), max.map(|max| max.value)))
}
