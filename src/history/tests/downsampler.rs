use std::time::Duration;

use super::super::downsampler::Downsampler;
use super::super::samples::Samples;
use super::{SECOND, START, one};
use crate::domain::{LabelledNumber, Series};

/// The range of so many seconds from the start, of what `value` says of each second.
fn downsampled(seconds: u32, interval: Duration, value: impl Fn(u32) -> Option<f64>) -> Series {
    let mut points = Downsampler::new(START, START + SECOND * seconds, interval);
    for begin in (0..seconds).step_by(300) {
        let mut samples = Samples::new(SECOND);
        for second in begin..(begin + 300).min(seconds) {
            if let Some(value) = value(second) {
                samples.push(START + SECOND * second, &[one(value)]);
            }
        }
        points.add(&samples);
    }
    points.finish().unwrap()
}

fn extremes(values: &[f64]) -> (f64, f64) {
    let known = || values.iter().copied().filter(|value| value.is_finite());
    (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max))
}

#[test]
fn the_one_second_at_which_something_happened_is_seen_in_a_month() {
    let month = 30 * 24 * 3600;
    let series = downsampled(month, SECOND, |second| {
        Some(match second {
            1_234_567 => 100.0,
            1_300_000 => -7.0,
            _ => 5.0 + f64::from(second % 10) / 10.0,
        })
    });
    assert!((3_900..=4_000).contains(&series.times().len()), "{}", series.times().len());
    let values = &series.lines()[0].values;
    assert_eq!(extremes(values), (-7.0, 100.0));
    let peak = series.times()[values.iter().position(|value| *value == 100.0).unwrap()];
    assert!(peak.since(START + SECOND * 1_230_000) < SECOND * 8_000, "about when it was");
}

#[test]
fn the_peaks_of_samples_that_are_denser_than_a_chart_asks_are_kept() {
    let series = downsampled(3_600, 60 * SECOND, |second| Some(if second % 600 == 77 { 50.0 } else { 1.0 }));
    assert!(series.times().len() <= 122, "{}", series.times().len());
    let values = &series.lines()[0].values;
    assert_eq!(values.iter().filter(|value| **value == 50.0).count(), 6, "each of them");
    assert!(
        series.times().is_sorted_by(|earlier, later| later.since(*earlier) >= 30 * SECOND),
        "as far apart as a history has them"
    );
}

#[test]
fn what_a_chart_can_draw_is_given_as_it_is_and_a_gap_is_a_gap() {
    let away = 100..200;
    let series = downsampled(300, SECOND, |second| (!away.contains(&second)).then_some(f64::from(second)));
    let values = &series.lines()[0].values;
    assert_eq!(values.iter().filter(|value| value.is_nan()).count(), 1);
    assert!(values[100].is_nan() && values[101] == 200.0);
    assert_eq!(series.times()[100], START + SECOND * 100);
    let short = downsampled(300, SECOND, |second| (second % 3 == 0).then_some(1.0));
    assert!(short.lines()[0].values.iter().all(|value| value.is_finite()), "late, and not away");
}

#[test]
fn a_gap_is_a_gap_however_coarse_the_points_are() {
    let hours = 48 * 3600;
    let away = 3600..7200;
    let series = downsampled(hours, SECOND, |second| (!away.contains(&second)).then_some(1.0));
    let values = &series.lines()[0].values;
    let gaps: Vec<_> = (0..values.len()).filter(|place| values[*place].is_nan()).collect();
    assert_eq!(gaps.len(), 1, "one break");
    let (before, after) = (series.times()[gaps[0] - 1], series.times()[gaps[0] + 1]);
    assert!(after.since(before) > SECOND * 3_400);
}

#[test]
fn of_too_many_lines_those_are_drawn_that_were_there_last() {
    for step in [SECOND, 60 * SECOND] {
        let mut points = Downsampler::new(START, START + SECOND * 3_000, step);
        for number in 0..300 {
            let mut samples = Samples::new(10 * SECOND);
            let pod = LabelledNumber { label: format!("pod {number}"), value: f64::from(number) };
            let always = LabelledNumber { label: "always".to_owned(), value: 1.0 };
            samples.push(START + SECOND * 10 * number, &[pod, always]);
            points.add(&samples);
        }
        let series = points.finish().unwrap();
        let mut labels: Vec<_> = series.lines().iter().map(|line| line.label.clone()).collect();
        let mut expected: Vec<_> = (173..300).map(|number| format!("pod {number}")).collect();
        expected.push("always".to_owned());
        labels.sort();
        expected.sort();
        assert_eq!(labels, expected);
        for line in series.lines().iter().filter(|line| line.label != "always") {
            let own: f64 = line.label["pod ".len()..].parse().unwrap();
            assert_eq!(extremes(&line.values), (own, own), "and nothing of the one whose place it has");
        }
        let always = series.lines().iter().find(|line| line.label == "always").unwrap();
        assert!(always.values[0].is_finite(), "from the beginning");
    }
}

#[test]
fn lines_beyond_what_a_chart_draws_are_left_out() {
    let mut points = Downsampler::new(START, START + SECOND * 10, SECOND);
    let mut samples = Samples::new(SECOND);
    let numbers: Vec<_> = (0..200).map(|line| LabelledNumber { label: line.to_string(), value: 1.0 }).collect();
    samples.push(START, &numbers);
    points.add(&samples);
    assert_eq!(points.finish().unwrap().lines().len(), 128);
    assert!(Downsampler::new(START, START + SECOND, SECOND).finish().is_none());
}
