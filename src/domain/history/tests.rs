#![allow(clippy::float_cmp, reason = "the values are those that were put in")]

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

fn history(windows: &[Duration]) -> History {
    let mut history = History::new(SECOND);
    history.keep_windows(&windows.iter().copied().collect());
    history
}

fn millis(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_795_309_000_000 + millis)
}

fn second(second: i64) -> Timestamp {
    millis(second * 1000)
}

fn numbers(numbers: &[(&str, f64)]) -> Reading {
    Reading::Numbers(
        numbers.iter().map(|(label, value)| LabelledNumber { label: (*label).to_owned(), value: *value }).collect(),
    )
}

fn times(history: &History, window: Duration) -> Vec<Timestamp> {
    let window = history.window(window).unwrap();
    window.points_until(window.cursor()).times().collect()
}

/// The lines within a window, each with its values; a gap is NaN.
fn lines(history: &History, window: Duration) -> Vec<(String, Vec<f64>)> {
    let window = history.window(window).unwrap();
    let shown: Vec<_> = window.lines().map(|line| line.id).collect();
    let points = window.points_until(window.cursor());
    let shown = points.lines().filter(|(line, _)| shown.contains(&line.id));
    shown.map(|(line, values)| (line.label.clone(), values.collect())).collect()
}

fn labels(history: &History, window: Duration) -> Vec<String> {
    lines(history, window).into_iter().map(|(label, _)| label).collect()
}

#[test]
fn points_leave_with_the_window() {
    let mut history = history(&[MINUTE]);
    (0..200).for_each(|i| history.record(second(i), &Reading::Number(1.0)));
    let times = times(&history, MINUTE);
    assert_eq!((times.len(), times[0]), (61, second(139)));
}

#[test]
fn windows_share_their_points() {
    let mut history = history(&[MINUTE, HOUR]);
    (0..5000_u16).for_each(|i| history.record(second(i.into()), &Reading::Number(i.into())));
    assert_eq!((times(&history, MINUTE).len(), times(&history, HOUR).len(), history.times.len()), (61, 3601, 3601));
    assert_eq!(history.window(MINUTE).unwrap().extent(), Some((4939.0, 4999.0)));
    assert_eq!(history.window(HOUR).unwrap().extent(), Some((1399.0, 4999.0)));
}

#[test]
fn a_new_window_begins_with_the_past_that_there_is() {
    let mut history = history(&[MINUTE]);
    (0..100).for_each(|i| history.record(second(i), &Reading::Number(1.0)));
    history.keep_windows(&[MINUTE, HOUR].into());
    assert_eq!((times(&history, HOUR).len(), times(&history, HOUR)[0]), (61, second(39)));
    assert_eq!(history.window(HOUR).unwrap().extent(), Some((1.0, 1.0)));
    let mut slower = history.at_interval(Duration::from_secs(10));
    slower.record(second(109), &Reading::Number(1.0));
    assert_eq!(times(&slower, HOUR).len(), 62, "another interval goes on with it");
}

#[test]
fn a_window_that_nobody_wants_any_more_takes_its_points_along() {
    let mut history = history(&[MINUTE, HOUR]);
    (0..4000).for_each(|i| history.record(second(i), &Reading::Number(1.0)));
    history.keep_windows(&[MINUTE].into());
    assert_eq!((history.times.len(), history.window(HOUR).is_none()), (61, true));
    history.keep_windows(&BTreeSet::new());
    history.record(second(4000), &Reading::Number(1.0));
    assert!(history.times.is_empty() && history.lines.is_empty());
}

#[test]
fn every_reading_is_a_point_though_some_come_early() {
    let mut history = history(&[HOUR]);
    (0..4000).for_each(|i| history.record(millis(i * 1000 - i % 3 * 200), &Reading::Number(1.0)));
    assert!(times(&history, HOUR).len() >= 3600, "{}", times(&history, HOUR).len());
}

#[test]
fn however_fast_the_readings_the_points_are_bounded_and_averaged() {
    let mut history = history(&[MINUTE]);
    (0..70_000).for_each(|i| history.record(millis(i), &Reading::Number(if i % 2 == 0 { 10.0 } else { 30.0 })));
    assert_eq!(times(&history, MINUTE).len(), 121);
    let mean = lines(&history, MINUTE)[0].1[100];
    assert!((15.0..25.0).contains(&mean), "{mean}");
}

#[test]
fn a_missing_line_goes_on_with_gaps_and_leaves_a_window_with_its_last_point_there() {
    let mut history = history(&[MINUTE, HOUR]);
    history.record(second(0), &numbers(&[("a", 1.0), ("b", 2.0)]));
    for i in 1..=60 {
        history.record(second(i), &numbers(&[("b", 3.0)]));
    }
    assert_eq!(labels(&history, MINUTE), ["a", "b"]);
    assert!(lines(&history, MINUTE)[0].1[1..].iter().all(|value| value.is_nan()));
    history.record(second(61), &numbers(&[("b", 3.0)]));
    assert_eq!(labels(&history, MINUTE), ["b"]);
    assert_eq!(labels(&history, HOUR), ["a", "b"], "there it has one");
}

#[test]
fn a_failure_leaves_one_gap() {
    let mut history = history(&[MINUTE]);
    history.record(second(0), &Reading::Number(1.0));
    history.record_failure(second(3));
    history.record(second(5), &Reading::Text("starting".into()));
    assert_eq!(history.unrecordable(), Some(&UnrecordableReading::NoNumbers));
    history.record(second(9), &Reading::Number(2.0));
    assert_eq!((history.unrecordable(), times(&history, MINUTE)), (None, vec![second(0), second(3), second(9)]));
    let values = &lines(&history, MINUTE)[0].1;
    assert!(values[0] == 1.0 && values[1].is_nan() && values[2] == 2.0, "{values:?}");
}

#[test]
fn a_clock_set_back_leaves_no_future() {
    let mut history = history(&[MINUTE]);
    for i in [0, 10, 20] {
        history.record(second(i), &Reading::Number(1.0));
    }
    let before = history.window(MINUTE).unwrap().cursor();
    history.record(second(5), &Reading::Number(2.0));
    assert_eq!(times(&history, MINUTE), [second(0), second(5)]);
    assert_eq!(history.window(MINUTE).unwrap().extent(), Some((1.0, 2.0)));
    assert!(!history.window(MINUTE).unwrap().cursor().continues(before));
}

fn series(seconds: &[i64], lines: &[(&str, &[f64])]) -> Series {
    let line = |(label, values): &(&str, &[f64])| SeriesLine { label: (*label).to_owned(), values: values.to_vec() };
    Series::new(seconds.iter().copied().map(second).collect(), lines.iter().map(line).collect(), None).unwrap()
}

#[test]
fn a_sources_own_past_comes_before_what_was_recorded() {
    let mut history = history(&[MINUTE]);
    history.record(second(100), &numbers(&[("a", 5.0)]));
    let before = history.window(MINUTE).unwrap().cursor();
    history.fill(&series(&[10, 50, 99, 100, 101], &[("a", &[0.0, 1.0, 2.0, 9.0, 9.0]), ("b", &[0.0, 7.0, 7.0, 9.0, 9.0])]));
    assert_eq!(times(&history, MINUTE), [second(50), second(99), second(100)]);
    let lines = lines(&history, MINUTE);
    assert_eq!((lines[0].1.as_slice(), &lines[1].1[..2]), ([1.0, 2.0, 5.0].as_slice(), [7.0, 7.0].as_slice()));
    assert_eq!(history.window(MINUTE).unwrap().extent(), Some((1.0, 7.0)));
    assert!(!history.window(MINUTE).unwrap().cursor().continues(before), "who has drawn it draws it anew");
}

#[test]
fn of_a_series_that_is_told_again_only_what_is_new_is_recorded() {
    let mut history = history(&[MINUTE]);
    history.record(second(3), &Reading::Series(series(&[1, 2, 3], &[("a", &[1.0, 2.0, 3.0])])));
    let before = history.window(MINUTE).unwrap().cursor();
    history.record(second(5), &Reading::Series(series(&[2, 3, 4], &[("a", &[2.0, 3.0, 4.0])])));
    assert_eq!((times(&history, MINUTE).len(), lines(&history, MINUTE)[0].1.as_slice()), (4, [1.0, 2.0, 3.0, 4.0].as_slice()));
    let window = history.window(MINUTE).unwrap();
    assert_eq!(window.lines().next().unwrap().latest, 4.0);
    assert!(window.cursor().continues(before));
}

#[test]
fn a_point_of_a_series_that_is_told_otherwise_is_corrected() {
    let mut history = history(&[MINUTE]);
    history.record(second(3), &Reading::Series(series(&[1, 2], &[("a", &[10.0, 3.0]), ("b", &[0.0, f64::NAN])])));
    history.record(second(4), &Reading::Series(series(&[1, 2, 3], &[("a", &[10.0, 9.0, 1.0]), ("b", &[0.0, 0.5, 0.5])])));
    assert_eq!(times(&history, MINUTE), [second(1), second(2), second(3)]);
    let lines = lines(&history, MINUTE);
    assert_eq!((lines[0].1.as_slice(), lines[1].1.as_slice()), ([10.0, 9.0, 1.0].as_slice(), [0.0, 0.5, 0.5].as_slice()));
    assert_eq!(history.window(MINUTE).unwrap().extent(), Some((0.0, 10.0)));
}

#[test]
fn a_mistaken_time_of_a_series_hides_nothing() {
    for mistaken in [3_600, 200_000_000] {
        let mut history = history(&[MINUTE]);
        history.record(second(3), &Reading::Series(series(&[1, 2, mistaken], &[("a", &[1.0, 2.0, 9.0])])));
        history.record(second(4), &Reading::Series(series(&[1, 2, 3], &[("a", &[1.0, 2.0, 3.0])])));
        assert_eq!(lines(&history, MINUTE)[0].1.as_slice(), [1.0, 2.0, 3.0], "{mistaken}");
    }
}

#[test]
fn the_points_of_a_series_are_as_far_apart_as_it_says_however_seldom_it_is_told() {
    let mut history = History::new(5 * MINUTE);
    history.keep_windows(&[HOUR].into());
    let values: Vec<f64> = (0..60).map(f64::from).collect();
    for first_minute in [0, 5] {
        let seconds: Vec<i64> = (first_minute..first_minute + 60).map(|minute| minute * 60).collect();
        history.record(second(*seconds.last().unwrap()), &Reading::Series(series(&seconds, &[("a", &values)])));
    }
    assert_eq!(times(&history, HOUR).len(), 61, "none is left out, and none stands twice");
}

#[test]
fn labels_that_come_and_go_do_not_grow_the_history() {
    let mut history = history(&[HOUR]);
    for i in 0..1000 {
        history.record(second(i), &numbers(&[(&format!("job {i}"), 1.0), ("all", 2.0)]));
    }
    let labels = labels(&history, HOUR);
    assert_eq!(labels.len(), MAX_LINES);
    assert!(labels.contains(&"all".to_owned()) && labels.contains(&"job 999".to_owned()));
}

#[test]
fn lines_that_cannot_be_told_apart_are_refused_and_change_nothing() {
    let mut history = history(&[MINUTE]);
    history.record(second(0), &numbers(&[("a", 1.0), ("a", 2.0)]));
    assert_eq!(history.unrecordable(), Some(&UnrecordableReading::DuplicateLabel("a".into())));
    let many: Vec<_> = (0..=MAX_LINES).map(|i| i.to_string()).collect();
    let many: Vec<_> = many.iter().map(|label| (label.as_str(), 1.0)).collect();
    history.record(second(0), &numbers(&many));
    assert_eq!(history.unrecordable(), Some(&UnrecordableReading::TooManyLines(MAX_LINES + 1)));
    assert!(times(&history, MINUTE).is_empty());
}

/// An event of the test.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// So many milliseconds later, a reading of these two lines; `None` where one is missing.
    Reading(i64, Option<i8>, Option<i8>),
    Failure(i64),
}

fn event() -> impl Strategy<Value = Event> {
    let value = || prop_oneof![5 => any::<i8>().prop_map(Some), 1 => Just(None)];
    prop_oneof![
        8 => (-300..3_000_i64, value(), value()).prop_map(|(after, a, b)| Event::Reading(after, a, b)),
        1 => (0..9_000_i64).prop_map(Event::Failure),
    ]
}

proptest! {
    #[test]
    fn a_windows_figures_are_those_of_its_points_whatever_else_is_kept(
        events in vec(event(), 1..200),
        others in vec(1..200_u64, 0..4),
    ) {
        let window = Duration::from_secs(30);
        let mut alone = History::new(SECOND);
        alone.keep_windows(&[window].into());
        let mut shared = alone.clone();
        shared.keep_windows(&others.iter().map(|other| Duration::from_secs(*other)).chain([window]).collect());
        let (mut now, mut was_set_back) = (millis(0), false);
        for event in events {
            for history in [&mut alone, &mut shared] {
                match event {
                    Event::Reading(after, a, b) => {
                        let line = |label, value: Option<i8>| value.map(|value| (label, f64::from(value)));
                        let read: Vec<_> = [line("a", a), line("b", b)].into_iter().flatten().collect();
                        history.record(Timestamp::from_millis(now.as_millis() + after), &numbers(&read));
                    }
                    Event::Failure(after) => history.record_failure(Timestamp::from_millis(now.as_millis() + after)),
                }
            }
            let (Event::Reading(after, ..) | Event::Failure(after)) = event;
            now = Timestamp::from_millis(now.as_millis() + after);

            let (all, times) = (lines(&shared, window), times(&shared, window));
            was_set_back |= after < 0;
            // A clock that was set back shows what a longer window still has of the time before.
            let (all_shared, all_alone) = (format!("{all:?}"), format!("{:?}", lines(&alone, window)));
            prop_assert!(was_set_back || all_shared == all_alone, "{} and {}", all_shared, all_alone);
            prop_assert!(times.is_sorted_by(|a, b| a < b));
            prop_assert!(times.last().zip(times.first()).is_none_or(|(last, first)| last.since(*first) <= window));
            prop_assert!(all.iter().all(|(_, values)| values.len() == times.len()));
            let values = || all.iter().flat_map(|(_, values)| values).copied().filter(|value| value.is_finite());
            let extent = values().next().map(|first| (values().fold(first, f64::min), values().fold(first, f64::max)));
            prop_assert_eq!(shared.window(window).unwrap().extent(), extent);
        }
    }
}
