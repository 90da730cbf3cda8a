//! The sparkline under a number.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use crate::domain::Timestamp;

/// The box of the path data. The picture is stretched to its panel's width.
const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 34.0;

/// The margin above and below, so that the line's own thickness is not cut off.
const MARGIN: f64 = 2.0;

/// The most points of the line: more are not told apart at the width of a panel.
const MAX_POINTS: i64 = 60;

/// The most values that are kept, thirty for each point: two a second for a quarter of an hour. Values that come faster
/// are sampled.
const MAX_VALUES: u32 = 1_800;

/// A sparkline, as SVG path data in a box of 300 × 34.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Sparkline {
    /// The line.
    pub(super) line: String,
    /// The line closed along the bottom.
    pub(super) area: String,
}

/// The values within a time window that moves with the newest one.
#[derive(Debug)]
pub(super) struct SparklineHistory {
    window: Duration,
    /// At least so much time lies between two values.
    spacing: Duration,
    values: VecDeque<(Timestamp, f64)>,
}

impl SparklineHistory {
    pub(super) fn new(window: Duration) -> Self {
        Self { window, spacing: spacing(window, MAX_VALUES), values: VecDeque::new() }
    }

    /// Adds a value. One that is not finite is left out.
    pub(super) fn push(&mut self, at: Timestamp, value: f64) {
        // A clock that was set back: what lies ahead of it is not the past any more.
        while self.values.back().is_some_and(|(last, _)| *last >= at) {
            self.values.pop_back();
        }
        if !value.is_finite() || self.values.back().is_some_and(|(last, _)| at < *last + self.spacing) {
            return;
        }
        self.values.push_back((at, value));
        let oldest = at - self.window;
        while self.values.front().is_some_and(|(first, _)| *first < oldest) {
            self.values.pop_front();
        }
    }

    /// Draws the line from edge to edge; `None` when there are fewer than two points.
    pub(super) fn draw(&self) -> Option<Sparkline> {
        let points = self.points();
        let (first, last) = (points.first()?.0, points.last()?.0);
        if points.len() < 2 || last <= first {
            return None;
        }
        let lowest = points.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
        let highest = points.iter().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
        let mut line = String::with_capacity(points.len() * 10);
        for (time, value) in points {
            let x = (time - first) / (last - first) * WIDTH;
            // Halved, because the distance of two doubles may itself be too large for one.
            let height = highest / 2.0 - lowest / 2.0;
            let share = if height > 0.0 { (value / 2.0 - lowest / 2.0) / height } else { 0.5 };
            let y = HEIGHT - MARGIN - share * (HEIGHT - 2.0 * MARGIN);
            push_point(&mut line, x, y);
        }
        let mut area = String::with_capacity(line.len() + 16);
        area.push_str(&line);
        // The last point stands at the right edge, the first at the left one.
        area.push_str("V34H0Z");
        Some(Sparkline { line, area })
    }

    /// At most [`MAX_POINTS`] points: milliseconds since the first value, and the value. Neighbours are averaged.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds within a window are far below 2^53")]
    fn points(&self) -> Vec<(f64, f64)> {
        let (Some((first, _)), Some((last, _))) = (self.values.front(), self.values.back()) else { return Vec::new() };
        let (start, span) = (first.as_millis(), last.as_millis() - first.as_millis());
        let since = |at: &Timestamp| (at.as_millis() - start) as f64;
        if i64::try_from(self.values.len()).is_ok_and(|len| len <= MAX_POINTS) {
            return self.values.iter().map(|(at, value)| (since(at), *value)).collect();
        }
        let length = self.bucket_length(span);
        let mut points: Vec<(f64, f64)> = Vec::with_capacity(64);
        let (mut bucket, mut count) = (i64::MIN, 0.0);
        for (at, value) in &self.values {
            // Buckets begin at fixed moments: a point does not change its values as the window moves on.
            let here = at.as_millis().div_euclid(length);
            match points.last_mut() {
                Some(point) if bucket == here => {
                    count += 1.0;
                    point.0 += (since(at) - point.0) / count;
                    point.1 += value / count - point.1 / count;
                }
                _ => {
                    points.push((since(at), *value));
                    (bucket, count) = (here, 1.0);
                }
            }
        }
        points
    }

    /// The milliseconds that one point averages: the window's share of one point, halved as long as the values at hand
    /// leave room for it. It changes seldom, so the line moves but does not flicker.
    fn bucket_length(&self, span: i64) -> i64 {
        let room = MAX_POINTS - 1;
        let window = i64::try_from(self.window.as_millis()).unwrap_or(i64::MAX);
        let mut length = (window / room + 1).max(1);
        while length > 1 && span < (length / 2).saturating_mul(room - 1) {
            length /= 2;
        }
        length
    }
}

/// The distance in time at which at most `most` values fit into `window`, both ends counted.
pub(super) fn spacing(window: Duration, most: u32) -> Duration {
    let millis = window.as_millis().div_ceil(u128::from(most.saturating_sub(1).max(1)));
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX).max(1))
}

/// Appends a point to a path, with one decimal: the first begins it.
pub(super) fn push_point(path: &mut String, x: f64, y: f64) {
    path.push(if path.is_empty() { 'M' } else { 'L' });
    push_coordinate(path, x);
    path.push(' ');
    push_coordinate(path, y);
}

/// Appends a coordinate with at most one decimal. Several times quicker than the general way to write a double.
pub(super) fn push_coordinate(path: &mut String, value: f64) {
    #[expect(clippy::cast_possible_truncation, reason = "a coordinate lies in its box; a cast saturates anyway")]
    let tenths = (value * 10.0).round() as i32;
    if tenths < 0 {
        path.push('-');
    }
    let (whole, tenth) = (tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10);
    // Writing to a String cannot fail.
    let _ = if tenth == 0 { write!(path, "{whole}") } else { write!(path, "{whole}.{tenth}") };
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn history_of(values: impl IntoIterator<Item = (i64, f64)>) -> SparklineHistory {
        let mut history = SparklineHistory::new(Duration::from_mins(15));
        values.into_iter().for_each(|(second, value)| history.push(Timestamp::from_millis(second * 1000), value));
        history
    }

    #[test]
    fn a_line_needs_two_points() {
        assert_eq!(history_of([]).draw(), None);
        assert_eq!(history_of([(1, 5.0)]).draw(), None);
        assert_eq!(history_of([(1, 5.0), (2, f64::NAN)]).draw(), None);
        assert_eq!(history_of([(1, 5.0), (1, 6.0)]).draw(), None);
    }

    #[test]
    fn a_line_goes_from_edge_to_edge() {
        let spark = history_of([(10, 1.0), (11, 3.0), (14, 2.0)]).draw().unwrap();
        assert_eq!(spark.line, "M0 32L75 2L300 17");
        assert_eq!(spark.area, "M0 32L75 2L300 17V34H0Z");
    }

    #[test]
    fn equal_values_are_a_level_line() {
        assert_eq!(history_of([(1, 7.0), (2, 7.0)]).draw().unwrap().line, "M0 17L300 17");
        assert_eq!(history_of([(1, f64::MAX), (2, -f64::MAX)]).draw().unwrap().line, "M0 2L300 32");
    }

    #[test]
    fn many_values_become_at_most_sixty_points_within_the_window() {
        for count in [59, 60, 61, 100, 500, 900, 3000] {
            let drawn = history_of((0..count).map(|i| (i, f64::from(i32::try_from(i).unwrap()).sin())));
            let points = drawn.points();
            assert!((28..=60).contains(&points.len()), "{count}: {}", points.len());
            assert!(drawn.values.len() <= 901);
            assert!(points.iter().all(|p| (-1.0..=1.0).contains(&p.1)));
        }
        let mut fast = SparklineHistory::new(Duration::from_mins(1));
        (0..100_000).for_each(|i| fast.push(Timestamp::from_millis(i), 1.0));
        assert!(fast.values.len() <= 1800, "{}", fast.values.len());
    }

    #[test]
    fn a_clock_set_back_leaves_no_future() {
        let history = history_of([(10, 1.0), (20, 2.0), (12, 3.0), (13, 4.0)]);
        let seconds: Vec<_> = history.values.iter().map(|(at, _)| at.as_millis() / 1000).collect();
        assert_eq!(seconds, [10, 12, 13]);
    }

    #[test]
    fn coordinates_have_at_most_one_decimal() {
        let written = |value| {
            let mut path = String::new();
            push_coordinate(&mut path, value);
            path
        };
        assert_eq!(written(12.0), "12");
        assert_eq!(written(12.34), "12.3");
        assert_eq!(written(-0.04), "0");
        assert_eq!(written(-0.5), "-0.5");
    }
}
