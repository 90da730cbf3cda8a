#![allow(clippy::float_cmp, clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::panels::tests::{numbers, second, settings};

const WINDOW: Duration = Duration::from_mins(1);

fn chart_of(unit: &str, window: Duration) -> ChartPanel {
    ChartPanel::new(&settings("line", unit), window, AxisBounds { min: None, max: None, filled: false })
}

fn chart() -> ChartPanel {
    chart_of("unit = \"percent\"", WINDOW)
}

fn millis(millis: i64) -> Timestamp {
    second(0) + Duration::from_millis(millis.unsigned_abs())
}

fn appended(chart: &mut ChartPanel) -> ChartAppend {
    match chart.drain() {
        Some(ViewChange::Append(append)) => append,
        Some(ViewChange::Whole(_)) => panic!("the whole view"),
        None => panic!("nothing"),
    }
}

fn whole(chart: &mut ChartPanel) -> ChartView {
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
    chart.update(second(0), &Reading::Number(10.0), None).unwrap();
    let view = whole(&mut chart);
    assert_eq!((labels(&view), view.series[0].values.as_slice()), (vec![""], [Some(10.0)].as_slice()));
    chart.update(second(1), &Reading::Number(f64::NAN), None).unwrap();
    chart.update(second(2), &Reading::Number(12.5), None).unwrap();
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
    chart.update(second(0), &Reading::Number(20.0), None).unwrap();
    chart.update(second(1), &Reading::Number(90.0), None).unwrap();
    chart.drain();
    chart.update(second(2), &Reading::Number(100.0), None).unwrap();
    assert_eq!(appended(&mut chart).axis, None);
    chart.update(second(3), &Reading::Number(130.0), None).unwrap();
    assert_eq!(appended(&mut chart).axis.unwrap().max, 150.0);
}

#[test]
fn another_unit_is_told_with_the_whole_view() {
    let mut chart = chart_of("unit = \"bytes\"", WINDOW);
    chart.update(second(0), &Reading::Number(1000.0), None).unwrap();
    assert_eq!(whole(&mut chart).unit, "B");
    chart.update(second(1), &Reading::Number(2048.0), None).unwrap();
    let view = whole(&mut chart);
    assert_eq!((view.unit.as_str(), view.divisor, view.times.len()), ("KiB", 1024.0, 2));
}

#[test]
fn the_axis_comes_down_when_the_peak_has_left() {
    let mut chart = chart_of("", WINDOW);
    chart.update(second(0), &Reading::Number(1000.0), None).unwrap();
    (1..=60).for_each(|i| chart.update(second(i), &Reading::Number(10.0), None).unwrap());
    assert_eq!(chart.chart_view().axis.max, 1000.0);
    chart.update(second(61), &Reading::Number(5.0), None).unwrap();
    assert_eq!(chart.chart_view().axis.max, 10.0);
}

#[test]
fn points_leave_with_the_window() {
    let mut chart = chart();
    (0..200).for_each(|i| chart.update(second(i), &Reading::Number(1.0), None).unwrap());
    let view = chart.chart_view();
    assert_eq!((view.times.len(), view.times[0], view.window), (61, second(139), 60_000));
}

#[test]
fn an_hour_of_seconds_keeps_every_reading_though_some_come_early() {
    let mut chart = chart_of("unit = \"percent\"", Duration::from_hours(1));
    (0..4000).for_each(|i| chart.update(millis(i * 1000 - i % 3 * 20), &Reading::Number(1.0), None).unwrap());
    assert!(chart.chart_view().times.len() >= 3600, "{}", chart.chart_view().times.len());
}

#[test]
fn however_fast_the_readings_the_points_are_bounded_and_averaged() {
    let mut chart = chart();
    for i in 0..70_000 {
        chart.update(millis(i), &Reading::Number(if i % 2 == 0 { 10.0 } else { 30.0 }), None).unwrap();
    }
    let view = chart.chart_view();
    let most = usize::try_from(MAX_POINTS).unwrap();
    assert!((3500..=most).contains(&view.times.len()), "{}", view.times.len());
    let mean = view.series[0].values[1000].unwrap();
    assert!((15.0..25.0).contains(&mean), "{mean}");
}

#[test]
fn a_reading_between_two_points_still_tells_the_latest_value() {
    let mut chart = chart_of("unit = \"percent\"", Duration::from_hours(24));
    chart.update(second(0), &Reading::Number(1.0), None).unwrap();
    chart.drain();
    chart.update(second(1), &Reading::Number(2.0), None).unwrap();
    let append = appended(&mut chart);
    assert_eq!((append.times.len(), append.latest[0].text.as_str()), (0, "2.0"));
}

#[test]
fn a_missing_line_goes_on_with_gaps_and_leaves_with_its_last_point() {
    let mut chart = chart();
    chart.update(second(0), &numbers(&[("a", 1.0), ("b", 2.0)]), None).unwrap();
    chart.drain();
    chart.update(second(1), &numbers(&[("b", 3.0)]), None).unwrap();
    let append = appended(&mut chart);
    assert_eq!(append.values, [[None], [Some(3.0)]]);
    assert_eq!(append.latest[0].text, "–");
    for i in 2..=61 {
        chart.update(second(i), &numbers(&[("b", 3.0)]), None).unwrap();
    }
    assert_eq!(labels(&whole(&mut chart)), ["b"]);
}

#[test]
fn a_new_line_is_told_with_the_whole_view() {
    let mut chart = chart();
    chart.update(second(0), &numbers(&[("a", 1.0)]), None).unwrap();
    chart.drain();
    chart.update(second(1), &numbers(&[("b", 2.0), ("a", 1.5)]), None).unwrap();
    let view = whole(&mut chart);
    assert_eq!(labels(&view), ["a", "b"]);
    assert_eq!(view.series[0].values, [Some(1.0), Some(1.5)]);
    assert_eq!(view.series[1].values, [None, Some(2.0)]);
}

#[test]
fn trouble_leaves_a_gap() {
    let mut chart = chart();
    chart.update(second(0), &Reading::Number(1.0), None).unwrap();
    chart.update(second(9), &Reading::Number(2.0), Some(second(3))).unwrap();
    let view = chart.chart_view();
    assert_eq!(view.times, [second(0), second(3), second(9)]);
    assert_eq!(view.series[0].values, [Some(1.0), None, Some(2.0)]);
}

#[test]
fn a_clock_set_back_leaves_no_future() {
    let mut chart = chart();
    for i in [0, 10, 20] {
        chart.update(second(i), &Reading::Number(1.0), None).unwrap();
    }
    chart.drain();
    chart.update(second(5), &Reading::Number(2.0), None).unwrap();
    assert_eq!(whole(&mut chart).times, [second(0), second(5)]);
}

#[test]
fn labels_that_come_and_go_do_not_grow_the_chart() {
    let mut chart = chart_of("unit = \"percent\"", Duration::from_hours(24));
    for i in 0..1000 {
        chart.update(second(i), &numbers(&[(&format!("job {i}"), 1.0), ("all", 2.0)]), None).unwrap();
    }
    let view = chart.chart_view();
    assert_eq!(view.series.len(), MAX_LINES);
    assert!(labels(&view).contains(&"all") && labels(&view).contains(&"job 999"));
}

#[test]
fn lines_that_cannot_be_told_apart_are_refused_and_change_nothing() {
    let mut chart = chart();
    let error = chart.update(second(0), &numbers(&[("a", 1.0), ("a", 2.0)]), None).unwrap_err();
    assert_eq!(error.to_string(), "each line of a chart needs its own label, but the source gave 'a' twice");
    let many: Vec<_> = (0..=MAX_LINES).map(|i| i.to_string()).collect();
    let many: Vec<_> = many.iter().map(|label| (label.as_str(), 1.0)).collect();
    let error = chart.update(second(0), &numbers(&many), None).unwrap_err();
    assert_eq!(error.to_string(), "a chart draws at most 128 lines, but the source gave 129; let the query pick fewer");
    assert!(chart.chart_view().times.is_empty());
}

#[test]
fn whole_numbers_are_read_off_without_a_point_until_there_is_a_fraction() {
    let mut chart = chart_of("", WINDOW);
    chart.update(second(0), &Reading::Number(4.0), None).unwrap();
    assert_eq!(whole(&mut chart).decimals, 0);
    chart.update(second(1), &Reading::Number(3.5), None).unwrap();
    assert!(whole(&mut chart).decimals > 0);
}
