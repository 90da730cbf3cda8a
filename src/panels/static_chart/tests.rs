#![allow(clippy::float_cmp, clippy::unwrap_used)]

use super::*;
use crate::domain::{HealthState, Timestamp};
use crate::panels::{Axis, AxisTick, Figure};

/// A chart of one line from 0 to 100 over a window of 760 seconds: one second is one unit of width.
fn chart(points: &[(i64, Option<f64>)]) -> ChartView {
    ChartView {
        times: points.iter().map(|(second, _)| Timestamp::from_millis(second * 1000)).collect(),
        series: vec![ChartSeries {
            label: "a".into(),
            latest: Figure { text: "1".into(), unit: String::new() },
            state: None,
            values: points.iter().map(|(_, value)| *value).collect(),
        }],
        axis: Axis {
            min: 0.0,
            max: 100.0,
            ticks: vec![AxisTick { at: 0.0, text: "0".into() }, AxisTick { at: 100.0, text: "100%".into() }],
        },
        window: 760_000,
        thresholds: vec![(80.0, HealthState::Warn)],
        decimals: 1,
        unit: "%".into(),
        divisor: 1.0,
        mark: None,
        units: Vec::new(),
    }
}

#[test]
fn the_newest_point_stands_at_the_right_edge() {
    let chart = chart(&[(1000, Some(0.0)), (1380, Some(50.0)), (1760, Some(100.0))]).static_chart();
    assert_eq!(chart.lines[0].line, "M0 190L380 95L760 0");
    assert_eq!(chart.lines[0].area, "M0 190L380 95L760 0V190H0Z");
}

#[test]
fn a_gap_breaks_the_line() {
    let chart = chart(&[(0, Some(0.0)), (10, Some(10.0)), (20, None), (30, Some(20.0)), (40, None)]).static_chart();
    assert_eq!(chart.lines[0].line, "M720 190L730 171M750 152h0.1");
    assert_eq!(chart.lines[0].area, "M720 190L730 171V190H720ZM750 152h0.1V190H750Z");
}

#[test]
fn ticks_have_their_places() {
    let chart = chart(&[]).static_chart();
    assert_eq!(chart.lines[0].line, "");
    let ticks: Vec<_> = chart.ticks.iter().map(|tick| (tick.y, tick.text.as_str())).collect();
    assert_eq!(ticks, [(190.0, "0"), (0.0, "100%")]);
}

#[test]
fn what_is_beyond_the_axis_is_drawn_at_its_edge() {
    let chart = chart(&[(0, Some(-50.0)), (10, Some(500.0))]).static_chart();
    assert_eq!(chart.lines[0].line, "M750 190L760 0");
}

#[test]
fn many_points_are_drawn_short_and_keep_their_peaks() {
    let points: Vec<_> = (0..3600).map(|i| (i, Some(if i == 2000 { 100.0 } else { 50.0 }))).collect();
    let mut chart = chart(&points);
    chart.window = 3_600_000;
    let line = &chart.static_chart().lines[0].line;
    let drawn = line.matches(['M', 'L']).count();
    assert!(drawn <= 800, "{drawn}");
    assert!(line.contains(" 0L"), "the peak is drawn");
}

#[test]
fn the_ground_of_an_axis_below_zero_is_zero() {
    let mut chart = chart(&[(0, Some(-50.0)), (10, Some(50.0))]);
    chart.axis.min = -100.0;
    assert_eq!(chart.static_chart().lines[0].area, "M750 142.5L760 47.5V95H750Z");
}
