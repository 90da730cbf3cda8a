#![allow(clippy::float_cmp, clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::domain::Timestamp;
use crate::panels::tests::{numbers, second, settings};

const WINDOW: Duration = Duration::from_mins(1);

/// A chart, and the history of its feed.
struct FedChart {
    chart: ChartPanel,
    history: History,
}

impl FedChart {
    fn update(&mut self, at: Timestamp, reading: &Reading) -> Result<(), ReadingMismatch> {
        self.history.record(at, reading);
        self.chart.update(reading, &self.history)
    }

    fn drain(&mut self) -> Option<ViewChange> {
        self.chart.drain(&self.history)
    }

    fn chart_view(&self) -> ChartView {
        self.chart.chart_view(&self.history).unwrap()
    }
}

fn chart_of(unit: &str, window: Duration) -> FedChart {
    let mut history = History::new(Duration::from_secs(1));
    history.keep_windows(&[window].into());
    let bounds = AxisBounds { min: None, max: None, filled: false };
    FedChart { chart: ChartPanel::new(&settings("line", unit), window, bounds), history }
}

fn chart() -> FedChart {
    chart_of("unit = \"percent\"", WINDOW)
}

fn millis(millis: i64) -> Timestamp {
    second(0) + Duration::from_millis(millis.unsigned_abs())
}

fn appended(chart: &mut FedChart) -> ChartAppend {
    match chart.drain() {
        Some(ViewChange::Append(append)) => append,
        Some(ViewChange::Whole(_)) => panic!("the whole view"),
        None => panic!("nothing"),
    }
}

fn whole(chart: &mut FedChart) -> ChartView {
    match chart.drain() {
        Some(ViewChange::Whole(_)) => chart.chart_view(),
        Some(ViewChange::Append(_)) => panic!("only the end"),
        None => panic!("nothing"),
    }
}

fn labels(view: &ChartView) -> Vec<&str> {
    view.series.iter().map(|series| series.label.as_str()).collect()
}

#[test]
fn the_first_reading_is_told_whole_and_later_ones_by_their_points() {
    let mut chart = chart();
    chart.update(second(0), &Reading::Number(10.0)).unwrap();
    let view = whole(&mut chart);
    assert_eq!((labels(&view), view.series[0].values.as_slice()), (vec![""], [Some(10.0)].as_slice()));
    chart.update(second(1), &Reading::Number(f64::NAN)).unwrap();
    chart.update(second(2), &Reading::Number(12.5)).unwrap();
    let append = appended(&mut chart);
    assert_eq!(append.times, [second(1), second(2)]);
    assert_eq!(append.values, [[None, Some(12.5)]]);
    assert_eq!(append.latest[0].text, "12.5");
    assert_eq!(append.axis, None, "percent go from 0 to 100 as before");
    assert!(chart.drain().is_none());
}

#[test]
fn an_axis_is_told_when_it_changes() {
    let mut chart = chart_of("unit = \"req/s\"", WINDOW);
    chart.update(second(0), &Reading::Number(20.0)).unwrap();
    chart.update(second(1), &Reading::Number(90.0)).unwrap();
    chart.drain();
    chart.update(second(2), &Reading::Number(100.0)).unwrap();
    assert_eq!(appended(&mut chart).axis, None);
    chart.update(second(3), &Reading::Number(130.0)).unwrap();
    assert_eq!(appended(&mut chart).axis.unwrap().max, 150.0);
}

#[test]
fn another_unit_is_told_with_the_whole_view() {
    let mut chart = chart_of("unit = \"bytes\"", WINDOW);
    chart.update(second(0), &Reading::Number(1000.0)).unwrap();
    assert_eq!(whole(&mut chart).unit, "B");
    chart.update(second(1), &Reading::Number(2048.0)).unwrap();
    let view = whole(&mut chart);
    assert_eq!((view.unit.as_str(), view.divisor, view.times.len()), ("KiB", 1024.0, 2));
}

#[test]
fn the_axis_comes_down_when_the_peak_has_left() {
    let mut chart = chart_of("", WINDOW);
    chart.update(second(0), &Reading::Number(1000.0)).unwrap();
    (1..=60).for_each(|i| chart.update(second(i), &Reading::Number(10.0)).unwrap());
    assert_eq!(chart.chart_view().axis.max, 1000.0);
    chart.update(second(61), &Reading::Number(5.0)).unwrap();
    assert_eq!(chart.chart_view().axis.max, 10.0);
}

#[test]
fn points_leave_with_the_window() {
    let mut chart = chart();
    (0..200).for_each(|i| chart.update(second(i), &Reading::Number(1.0)).unwrap());
    let view = chart.chart_view();
    assert_eq!((view.times.len(), view.times[0], view.window), (61, second(139), 60_000));
}

#[test]
fn a_reading_between_two_points_still_tells_the_latest_value() {
    let mut chart = chart();
    chart.update(second(0), &Reading::Number(1.0)).unwrap();
    chart.drain();
    chart.update(millis(100), &Reading::Number(2.0)).unwrap();
    let append = appended(&mut chart);
    assert_eq!((append.times.len(), append.latest[0].text.as_str()), (0, "2.0"));
}

#[test]
fn a_missing_line_goes_on_with_gaps_and_leaves_with_its_last_point() {
    let mut chart = chart();
    chart.update(second(0), &numbers(&[("a", 1.0), ("b", 2.0)])).unwrap();
    chart.drain();
    chart.update(second(1), &numbers(&[("b", 3.0)])).unwrap();
    let append = appended(&mut chart);
    assert_eq!(append.values, [[None], [Some(3.0)]]);
    assert_eq!(append.latest[0].text, "–");
    for i in 2..=61 {
        chart.update(second(i), &numbers(&[("b", 3.0)])).unwrap();
    }
    assert_eq!(labels(&whole(&mut chart)), ["b"]);
}

#[test]
fn a_new_line_is_told_with_the_whole_view() {
    let mut chart = chart();
    chart.update(second(0), &numbers(&[("a", 1.0)])).unwrap();
    chart.drain();
    chart.update(second(1), &numbers(&[("b", 2.0), ("a", 1.5)])).unwrap();
    let view = whole(&mut chart);
    assert_eq!(labels(&view), ["a", "b"]);
    assert_eq!(view.series[0].values, [Some(1.0), Some(1.5)]);
    assert_eq!(view.series[1].values, [None, Some(2.0)]);
}

#[test]
fn trouble_leaves_a_gap() {
    let mut chart = chart();
    chart.update(second(0), &Reading::Number(1.0)).unwrap();
    chart.history.record_failure(second(3));
    chart.update(second(9), &Reading::Number(2.0)).unwrap();
    let view = chart.chart_view();
    assert_eq!(view.times, [second(0), second(3), second(9)]);
    assert_eq!(view.series[0].values, [Some(1.0), None, Some(2.0)]);
}

#[test]
fn a_clock_set_back_leaves_no_future() {
    let mut chart = chart();
    for i in [0, 10, 20] {
        chart.update(second(i), &Reading::Number(1.0)).unwrap();
    }
    chart.drain();
    chart.update(second(5), &Reading::Number(2.0)).unwrap();
    assert_eq!(whole(&mut chart).times, [second(0), second(5)]);
}

#[test]
fn lines_that_cannot_be_told_apart_are_refused_and_change_nothing() {
    let mut chart = chart();
    let error = chart.update(second(0), &numbers(&[("a", 1.0), ("a", 2.0)])).unwrap_err();
    assert_eq!(error.to_string(), "each line of a chart needs its own label, but the source gave 'a' twice");
    let many: Vec<_> = (0..=MAX_LINES).map(|i| i.to_string()).collect();
    let many: Vec<_> = many.iter().map(|label| (label.as_str(), 1.0)).collect();
    let error = chart.update(second(0), &numbers(&many)).unwrap_err();
    assert_eq!(error.to_string(), "a chart draws at most 128 lines, but the source gave 129; let the query pick fewer");
    assert!(!chart.chart.has_view());
}

#[test]
fn whole_numbers_are_read_off_without_a_point_until_there_is_a_fraction() {
    let mut chart = chart_of("", WINDOW);
    chart.update(second(0), &Reading::Number(4.0)).unwrap();
    assert_eq!(whole(&mut chart).decimals, 0);
    chart.update(second(1), &Reading::Number(3.5)).unwrap();
    assert!(whole(&mut chart).decimals > 0);
}

#[test]
fn a_chart_that_begins_late_shows_the_same_as_one_that_was_there_all_the_time() {
    let mut old = chart();
    for i in 0..100 {
        let lines = if i % 3 == 0 { numbers(&[("a", 1.5), ("b", 2.0)]) } else { numbers(&[("b", 3.0)]) };
        old.update(second(i), &lines).unwrap();
        old.drain();
    }
    let mut late = FedChart { chart: chart().chart, history: old.history.clone() };
    late.chart.update(&numbers(&[("b", 3.0)]), &late.history).unwrap();
    assert_eq!(late.chart_view(), old.chart_view());
    assert_eq!(late.chart_view().times.len(), 61);
}

#[test]
fn what_a_chart_shows_stays_where_its_last_batch_was_though_the_history_goes_on() {
    let mut chart = chart();
    chart.update(second(0), &Reading::Number(1.0)).unwrap();
    let before = chart.chart_view();
    chart.history.record(second(1), &Reading::Number(200.0));
    assert_eq!(chart.chart_view(), before);
}

#[test]
fn a_chart_keeps_no_points_of_its_own() {
    let size = |readings| {
        let mut chart = chart_of("", Duration::from_hours(1));
        (0..readings).for_each(|i| chart.update(second(i), &Reading::Number(1.0)).unwrap());
        chart.drain();
        format!("{:?}", chart.chart).len()
    };
    assert!(size(3000) < size(10) + 20, "{} and {}", size(3000), size(10));
}
