//! The sparkline under a number.

use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{HistoryWindow, Timestamp, millis_of};

/// The box of the path data. The picture is stretched to its panel's width.
const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 34.0;

/// The margin above and below, so that the line's own thickness is not cut off.
const MARGIN: f64 = 2.0;

/// The most points of the line: more are not told apart at the width of a panel.
const MAX_POINTS: i64 = 60;

/// A sparkline, as SVG path data in a box of 300 × 34.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sparkline {
    /// The line.
    pub(super) line: String,
    /// The line closed along the bottom.
    pub(super) area: String,
}

impl Sparkline {
    /// Draws the values within the window from edge to edge; `None` when there are fewer than two.
    pub(super) fn draw(window: &HistoryWindow<'_>) -> Option<Self> {
        let points = average_neighbours(&values_of(window), window.length());
        let (first, last) = (points.first()?.0, points.last()?.0);
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
        Some(Self { line, area })
    }
}

/// The values within the window; those that are not known are left out. A history of one number at a time has one line, or
/// another whenever the number's label changes.
fn values_of(window: &HistoryWindow<'_>) -> Vec<(Timestamp, f64)> {
    let points = window.points_until(window.cursor());
    let mut values: Vec<_> = points.times().map(|at| (at, f64::NAN)).collect();
    for (_, line) in points.lines() {
        values.iter_mut().zip(line).filter(|(_, value)| value.is_finite()).for_each(|(point, value)| point.1 = value);
    }
    values.retain(|(_, value)| value.is_finite());
    values
}

/// At most [`MAX_POINTS`] points: milliseconds since the first value, and the value. Neighbours are averaged.
#[expect(clippy::cast_precision_loss, reason = "milliseconds within a window are far below 2^53")]
fn average_neighbours(values: &[(Timestamp, f64)], window: Duration) -> Vec<(f64, f64)> {
    let [(first, _), .., (last, _)] = values else { return Vec::new() };
    let (start, span) = (first.as_millis(), last.as_millis() - first.as_millis());
    let since = |at: &Timestamp| (at.as_millis() - start) as f64;
    if i64::try_from(values.len()).is_ok_and(|len| len <= MAX_POINTS) {
        return values.iter().map(|(at, value)| (since(at), *value)).collect();
    }
    let length = bucket_length(window, span);
    let mut points: Vec<(f64, f64)> = Vec::with_capacity(64);
    let (mut bucket, mut count) = (i64::MIN, 0.0);
    for (at, value) in values {
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

/// The milliseconds that one point averages: the window's share of one point, halved as long as the values at hand leave room
/// for it. It changes seldom, so the line moves but does not flicker.
fn bucket_length(window: Duration, span: i64) -> i64 {
    let room = MAX_POINTS - 1;
    let mut length = (millis_of(window) / room + 1).max(1);
    while length > 1 && span < (length / 2).saturating_mul(room - 1) {
        length /= 2;
    }
    length
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
    use crate::domain::{History, LabelledNumber, Reading};

    const WINDOW: Duration = Duration::from_mins(15);

    fn drawn(values: impl IntoIterator<Item = (i64, f64)>) -> Option<Sparkline> {
        let mut history = History::new(Duration::from_secs(1));
        history.keep_windows(&[WINDOW].into());
        values.into_iter().for_each(|(second, value)| {
            history.record(Timestamp::from_millis(second * 1000), &Reading::Number(value));
        });
        Sparkline::draw(&history.window(WINDOW).unwrap())
    }

    #[test]
    fn a_line_needs_two_points() {
        assert_eq!(drawn([]), None);
        assert_eq!(drawn([(1, 5.0)]), None);
        assert_eq!(drawn([(1, 5.0), (2, f64::NAN)]), None);
        assert_eq!(drawn([(1, 5.0), (1, 6.0)]), None);
    }

    #[test]
    fn a_line_goes_from_edge_to_edge() {
        let spark = drawn([(10, 1.0), (11, 3.0), (12, f64::NAN), (14, 2.0)]).unwrap();
        assert_eq!(spark.line, "M0 32L75 2L300 17");
        assert_eq!(spark.area, "M0 32L75 2L300 17V34H0Z");
    }

    #[test]
    fn equal_values_are_a_level_line() {
        assert_eq!(drawn([(1, 7.0), (2, 7.0)]).unwrap().line, "M0 17L300 17");
        assert_eq!(drawn([(1, f64::MAX), (2, -f64::MAX)]).unwrap().line, "M0 2L300 32");
    }

    #[test]
    fn many_values_become_at_most_sixty_points_within_the_window() {
        for count in [59, 60, 61, 100, 500, 900] {
            let values: Vec<_> =
                (0..count).map(|i| (Timestamp::from_millis(i64::from(i) * 1000), f64::from(i).sin())).collect();
            let points = average_neighbours(&values, WINDOW);
            assert!((28..=60).contains(&points.len()), "{count}: {}", points.len());
            assert!(points.iter().all(|p| (-1.0..=1.0).contains(&p.1)));
        }
    }

    #[test]
    fn a_number_whose_label_changes_is_one_line() {
        let mut history = History::new(Duration::from_secs(1));
        history.keep_windows(&[WINDOW].into());
        for (second, label) in [(10, "a"), (11, "b"), (14, "a")] {
            let number = LabelledNumber { label: label.to_owned(), value: f64::from(second) };
            history.record(Timestamp::from_millis(i64::from(second) * 1000), &Reading::Numbers(vec![number]));
        }
        assert_eq!(Sparkline::draw(&history.window(WINDOW).unwrap()).unwrap().line, "M0 32L75 24.5L300 2");
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
