#![allow(clippy::float_cmp, clippy::unwrap_used, clippy::panic)]

//! Tests of what every panel promises to browsers. [`BrowserModel`] is a model of what they do with frames.

use std::time::Duration;

use super::super::view::Align::{Left, Right};
use super::super::view::{ChartView, Figure, TableView};
use super::*;
use crate::config::Unit;
use crate::domain::{DataTable as Rows, HealthState, LabelledNumber, LabelledState, TableCell, TableColumn, Threshold};

const WINDOW: Duration = Duration::from_mins(1);

fn settings(kind: PanelKind) -> PanelSettings {
    PanelSettings {
        id: "p".parse().unwrap(),
        title: "Load".to_owned(),
        kind,
        span: 3,
        source: None,
        unit: Unit::None,
        decimals: None,
        thresholds: Vec::new(),
    }
}

fn panel(kind: PanelKind) -> Panel {
    Panel::new(&settings(kind), &Bindings::new())
}

fn with_thresholds(kind: PanelKind) -> PanelSettings {
    let high = |at, state| Threshold { at, state, below: false };
    PanelSettings {
        unit: Unit::Percent,
        thresholds: vec![high(80.0, HealthState::Warn), high(95.0, HealthState::Bad)],
        ..settings(kind)
    }
}

fn line() -> PanelKind {
    PanelKind::Line { window: WINDOW, min: None, max: None }
}

fn stat() -> PanelKind {
    PanelKind::Stat { sparkline: true, window: WINDOW }
}

fn all_kinds() -> Vec<PanelKind> {
    vec![
        stat(),
        PanelKind::Gauge { min: 0.0, max: 100.0 },
        line(),
        PanelKind::Area { window: WINDOW, min: None, max: None },
        PanelKind::Bar { max: None },
        PanelKind::Table { columns: Vec::new(), rows: 10 },
        PanelKind::States,
        PanelKind::Text { markdown: "Hello".parse().unwrap() },
    ]
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_millis(1_795_309_000_000 + second * 1000)
}

fn numbers(numbers: &[(&str, f64)]) -> Reading {
    Reading::Numbers(
        numbers.iter().map(|(label, value)| LabelledNumber { label: (*label).to_owned(), value: *value }).collect(),
    )
}

fn trouble(since: Timestamp) -> PanelTrouble {
    PanelTrouble { reason: "stock.corp answered 503".to_owned(), since, retry_at: since + Duration::from_secs(20) }
}

/// A model of a browser: it applies frames and decides nothing.
#[derive(Debug, Default, PartialEq)]
struct BrowserModel {
    shown: PanelFrame,
}

impl BrowserModel {
    fn apply(&mut self, frame: PanelFrame) {
        self.shown.at = frame.at.or(self.shown.at);
        self.shown.trouble = frame.trouble;
        if frame.view.is_some() {
            self.shown.view = frame.view;
        }
        if let Some(append) = frame.append {
            let Some(PanelView::Line(chart) | PanelView::Area(chart)) = &mut self.shown.view else {
                panic!("nothing to append to")
            };
            let known = chart.times.last().copied();
            let new = append.times.iter().position(|time| known.is_none_or(|known| *time > known));
            let from = new.unwrap_or(append.times.len());
            chart.times.extend(&append.times[from..]);
            for ((series, values), latest) in chart.series.iter_mut().zip(append.values).zip(append.latest) {
                series.values.extend(&values[from..]);
                series.latest = latest;
            }
            chart.axis = append.axis.unwrap_or_else(|| chart.axis.clone());
            trim(chart);
        }
    }
}

fn trim(chart: &mut ChartView) {
    let Some(newest) = chart.times.last().copied() else { return };
    let oldest = newest - Duration::from_millis(chart.window);
    let gone = chart.times.iter().take_while(|time| **time < oldest).count();
    chart.times.drain(..gone);
    chart.series.iter_mut().for_each(|series| drop(series.values.drain(..gone)));
}

/// A random number generator with a seed (SplitMix64): the same numbers in every run.
struct SplitMix64(u64);

impl SplitMix64 {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn value(&mut self) -> f64 {
        match self.below(12) {
            0 => f64::NAN,
            1 => 5_000.0,
            2 => -3.0,
            _ => self.below(1000) as f64 / 7.0,
        }
    }

    fn reading(&mut self) -> Reading {
        match self.below(9) {
            0..4 => Reading::Number(self.value()),
            4..7 => {
                let labels = ["a", "b", "c", "d"];
                let from = usize::try_from(self.below(3)).unwrap();
                Reading::Numbers(
                    labels[from..].iter().map(|l| LabelledNumber { label: (*l).to_owned(), value: self.value() }).collect(),
                )
            }
            7 => Reading::States(vec![LabelledState { label: "a".into(), state: HealthState::Warn, note: None }]),
            _ => Reading::Table(Rows {
                columns: vec![TableColumn { name: "n".into(), unit: None }],
                rows: vec![vec![TableCell::Number(self.value())]],
            }),
        }
    }
}

#[test]
fn a_browser_that_applies_every_drain_shows_the_same_as_a_later_frame() {
    for (number, kind) in all_kinds().into_iter().enumerate() {
        for seed in 0..40 {
            let mut dice = SplitMix64(seed * 100 + number as u64);
            let mut panel = Panel::new(&with_thresholds(kind.clone()), &Bindings::new());
            let mut browser = BrowserModel::default();
            let mut now = Timestamp::from_millis(1_795_309_126_976);
            for step in 0..300 {
                let frame = panel.frame();
                assert_eq!(panel.has_something_to_show(), frame.view.is_some() || frame.trouble.is_some());
                now = now + Duration::from_millis(dice.below(2500));
                match dice.below(40) {
                    0 => panel.set_trouble(trouble(now)),
                    1 => now = now - Duration::from_secs(dice.below(30)),
                    2..30 => _ = panel.add_reading(now, &dice.reading()),
                    // A late viewer gets a frame, and after it what it holds already.
                    30 => browser = BrowserModel { shown: panel.frame() },
                    _ => {
                        if let Some(frame) = panel.drain() {
                            browser.apply(frame);
                        }
                        if step > 0 {
                            let expected = BrowserModel { shown: panel.frame() };
                            assert_eq!(format!("{browser:?}"), format!("{expected:?}"), "{kind:?}, seed {seed}, step {step}");
                        }
                    }
                }
                if step == 0 {
                    browser = BrowserModel { shown: panel.frame() };
                }
            }
        }
    }
}

#[test]
fn nothing_new_is_nothing_to_tell() {
    for kind in all_kinds() {
        let mut panel = panel(kind);
        assert_eq!(panel.drain(), None);
    }
    let mut panel = panel(stat());
    panel.add_reading(second(0), &Reading::Number(1.0)).unwrap();
    assert!(panel.drain().is_some());
    assert_eq!(panel.drain(), None);
}

#[test]
fn a_failure_tells_itself_without_the_view_and_keeps_it() {
    for kind in [stat(), line()] {
        let mut panel = panel(kind);
        panel.add_reading(second(0), &Reading::Number(1.0)).unwrap();
        panel.drain();
        panel.set_trouble(trouble(second(1)));
        let update = panel.drain().unwrap();
        assert_eq!(update, PanelFrame { at: Some(second(0)), trouble: Some(trouble(second(1))), ..PanelFrame::default() });
        assert!(panel.frame().view.is_some());
        panel.set_trouble(trouble(second(1)));
        assert_eq!(panel.drain(), None, "the same trouble is no news");
    }
}

#[test]
fn a_good_reading_ends_the_trouble() {
    let mut panel = panel(stat());
    panel.set_trouble(trouble(second(0)));
    assert_eq!(panel.frame().view, None);
    panel.add_reading(second(2), &Reading::Number(1.0)).unwrap();
    let update = panel.drain().unwrap();
    assert_eq!(update.trouble, None);
    assert!(update.view.is_some());
}

#[test]
fn an_unchanged_view_is_not_told_again_only_its_age() {
    let mut panel = panel(PanelKind::Gauge { min: 0.0, max: 10.0 });
    panel.add_reading(second(0), &Reading::Number(1.0)).unwrap();
    panel.drain();
    panel.add_reading(second(1), &Reading::Number(1.0)).unwrap();
    assert_eq!(panel.drain().unwrap(), PanelFrame { at: Some(second(1)), ..PanelFrame::default() });
}

#[test]
fn a_reading_of_the_wrong_sort_is_told_in_words_and_changes_nothing() {
    let table = Reading::Table(Rows::default());
    let said = |kind| {
        let mut panel = panel(kind);
        let before = panel.frame();
        let error = panel.add_reading(second(0), &table).unwrap_err().to_string();
        assert_eq!(panel.frame(), before);
        assert_eq!(panel.drain(), None);
        error
    };
    assert_eq!(said(PanelKind::Gauge { min: 0.0, max: 1.0 }), "a gauge shows a number, but the source gave a table");
    assert_eq!(said(stat()), "a stat shows a number or text, but the source gave a table");
    assert_eq!(said(line()), "a chart shows numbers, but the source gave a table");
    assert_eq!(said(PanelKind::Bar { max: None }), "a bar chart shows numbers, but the source gave a table");
    assert_eq!(said(PanelKind::States), "a states panel shows states or numbers, but the source gave a table");
    let error = panel(PanelKind::Gauge { min: 0.0, max: 1.0 }).add_reading(second(0), &numbers(&[("a", 1.0), ("b", 2.0)]));
    assert_eq!(error.unwrap_err().to_string(), "a gauge shows one number, but the source gave 2; let the query pick one");
}

#[test]
fn a_stat_shows_figure_judgement_note_and_line() {
    let mut panel = Panel::new(&with_thresholds(stat()), &Bindings::new());
    panel.add_reading(second(0), &Reading::Number(10.0)).unwrap();
    panel.add_reading(second(1), &numbers(&[("cpu", 86.4)])).unwrap();
    let Some(PanelView::Stat(view)) = panel.frame().view else { panic!() };
    assert_eq!(view.figure, Figure { text: "86.4".into(), unit: "%".into() });
    assert_eq!(view.mark.unwrap().word, "high");
    assert_eq!(view.note.unwrap(), "warns at 80 %, bad at 95 %");
    assert_eq!(view.spark.unwrap().line, "M0 32L300 2");

    panel.add_reading(second(2), &Reading::Text(" closed\n".into())).unwrap();
    let Some(PanelView::Stat(view)) = panel.frame().view else { panic!() };
    assert_eq!(view.figure, Figure { text: "closed".into(), unit: String::new() });
    assert_eq!(view.mark, None);

    panel.add_reading(second(3), &Reading::Number(f64::NAN)).unwrap();
    let Some(PanelView::Stat(view)) = panel.frame().view else { panic!() };
    assert_eq!((view.figure.text.as_str(), view.mark.unwrap().state), ("–", HealthState::Unknown));
}

#[test]
fn a_gauge_shows_how_far_round_it_is() {
    let mut panel = Panel::new(&with_thresholds(PanelKind::Gauge { min: 0.0, max: 200.0 }), &Bindings::new());
    panel.add_reading(second(0), &Reading::Number(50.0)).unwrap();
    let Some(PanelView::Gauge(view)) = panel.frame().view else { panic!() };
    assert_eq!((view.percent, view.min.as_str(), view.max.as_str()), (25.0, "0", "200 %"));
    assert_eq!(view.marks, [(40.0, HealthState::Warn), (47.5, HealthState::Bad)]);
}

#[test]
fn bars_are_measured_by_the_largest_or_by_the_author() {
    let reading = numbers(&[("a", 10.0), ("b", 40.0), ("c", -1.0), ("d", f64::NAN)]);
    let bars = |max| {
        let mut panel = panel(PanelKind::Bar { max });
        panel.add_reading(second(0), &reading).unwrap();
        let Some(PanelView::Bar(view)) = panel.frame().view else { panic!() };
        view.bars.into_iter().map(|bar| bar.percent).collect::<Vec<_>>()
    };
    assert_eq!(bars(None), [25.0, 100.0, 0.0, 0.0]);
    assert_eq!(bars(Some(80.0)), [12.5, 50.0, 0.0, 0.0]);
    let mut alone = panel(PanelKind::Bar { max: Some(4.0) });
    alone.add_reading(second(0), &Reading::Number(1.0)).unwrap();
    let Some(PanelView::Bar(view)) = alone.frame().view else { panic!() };
    assert_eq!((view.bars[0].label.as_str(), view.bars[0].percent), ("", 25.0));
}

#[test]
fn what_is_too_long_to_show_is_counted() {
    let many: Vec<_> = (0..250).map(|i| (i.to_string(), 1.0)).collect();
    let many: Vec<_> = many.iter().map(|(label, value)| (label.as_str(), *value)).collect();
    let mut panel = panel(PanelKind::Bar { max: None });
    panel.add_reading(second(0), &numbers(&many)).unwrap();
    let Some(PanelView::Bar(view)) = panel.frame().view else { panic!() };
    assert_eq!((view.bars.len(), view.more), (200, 50));
}

fn table(settings: &PanelSettings, reading: &Reading) -> Result<TableView, ReadingMismatch> {
    let mut panel = Panel::new(settings, &Bindings::new());
    panel.add_reading(second(0), reading)?;
    match panel.frame().view {
        Some(PanelView::Table(view)) => Ok(view),
        other => panic!("{other:?}"),
    }
}

fn processes() -> Reading {
    let column = |name: &str, unit: Option<&str>| TableColumn { name: name.to_owned(), unit: unit.map(str::to_owned) };
    let row = |pid, name: &str, cpu, memory| {
        vec![TableCell::Number(pid), TableCell::Text(name.to_owned()), TableCell::Number(cpu), TableCell::Number(memory)]
    };
    Reading::Table(Rows {
        columns: vec![
            column("pid", None),
            column("name", None),
            column("cpu", Some("percent")),
            column("memory", Some("bytes")),
        ],
        rows: vec![
            row(4711.0, "postgres", 96.25, 3.5 * 1024.0 * 1024.0),
            row(1.0, "init", 0.0, 512.0),
            row(2.0, "x", 81.0, 0.0),
        ],
    })
}

#[test]
fn a_table_writes_each_column_in_its_own_unit_and_judges_the_panels() {
    let view = table(&with_thresholds(PanelKind::Table { columns: Vec::new(), rows: 2 }), &processes()).unwrap();
    let texts: Vec<Vec<_>> = view.rows.iter().map(|row| row.iter().map(|cell| cell.text.as_str()).collect()).collect();
    assert_eq!(texts, [["4711", "postgres", "96.3 %", "3.50 MiB"], ["1", "init", "0 %", "512 B"]]);
    let states: Vec<_> = view.rows[0].iter().map(|cell| cell.state).collect();
    assert_eq!(states, [None, None, Some(HealthState::Bad), None]);
    assert_eq!(view.rows[1][2].state, None, "what is good is not marked");
    assert_eq!(view.more, 1);
    let aligns: Vec<_> = view.columns.iter().map(|column| column.align).collect();
    assert_eq!(aligns, [Right, Left, Right, Right]);
}

#[test]
fn a_table_shows_the_columns_asked_for_in_their_order() {
    let columns = |names: &[&str]| PanelKind::Table { columns: names.iter().map(|n| (*n).to_owned()).collect(), rows: 9 };
    let view = table(&settings(columns(&["memory", "name"])), &processes()).unwrap();
    assert_eq!(view.columns.iter().map(|c| c.label.as_str()).collect::<Vec<_>>(), ["memory", "name"]);
    assert_eq!(view.rows[0][1].text, "postgres");
    let error = table(&settings(columns(&["memory", "user"])), &processes()).unwrap_err();
    assert_eq!(error.to_string(), "the source's table has no column 'user'; it has pid, name, cpu, memory");
}

#[test]
fn a_source_without_units_gets_the_panels() {
    let reading = Reading::Table(Rows {
        columns: vec![TableColumn { name: "Host".into(), unit: None }, TableColumn { name: "Used".into(), unit: None }],
        rows: vec![
            vec![TableCell::Text("a".into()), TableCell::Number(90.0)],
            vec![TableCell::State(HealthState::Bad), TableCell::Empty],
        ],
    });
    let view = table(&with_thresholds(PanelKind::Table { columns: Vec::new(), rows: 9 }), &reading).unwrap();
    assert_eq!((view.rows[0][1].text.as_str(), view.rows[0][1].state), ("90.0 %", Some(HealthState::Warn)));
    assert_eq!((view.rows[1][0].text.as_str(), view.rows[1][0].state), ("bad", Some(HealthState::Bad)));
    assert_eq!(view.rows[1][1].text, "");
}

#[test]
fn bare_numbers_of_a_column_have_equal_decimals() {
    let reading = Reading::Table(Rows {
        columns: vec![TableColumn { name: "Value".into(), unit: None }],
        rows: [1204.0, 88.1, f64::NAN, 0.0003].into_iter().map(|value| vec![TableCell::Number(value)]).collect(),
    });
    let texts = |decimals| {
        let settings = PanelSettings { decimals, ..settings(PanelKind::Table { columns: Vec::new(), rows: 9 }) };
        let view = table(&settings, &reading).unwrap();
        view.rows.into_iter().map(|row| row[0].text.clone()).collect::<Vec<_>>()
    };
    assert_eq!(texts(None), ["1204.00", "88.10", "–", "0.00030"]);
    assert_eq!(texts(Some(1)), ["1204.0", "88.1", "–", "0.0"]);
}

#[test]
fn things_keep_their_beats_and_their_share() {
    use super::super::MAX_BEATS;
    let thing = |label: &str, state| LabelledState { label: label.to_owned(), state, note: Some("41 ms".into()) };
    let mut panel = panel(PanelKind::States);
    for i in 0..60 {
        let shop = if i == 58 { HealthState::Bad } else { HealthState::Good };
        // The order changes and a thing comes later: each keeps its own beats.
        let mut things = vec![thing("shop", shop), thing("pay", HealthState::Unknown)];
        if i > 50 {
            things.insert(0, thing("new", HealthState::Warn));
        }
        panel.add_reading(second(i), &Reading::States(things)).unwrap();
    }
    let Some(PanelView::States(view)) = panel.frame().view else { panic!() };
    let rows: Vec<_> =
        view.rows.iter().map(|r| (r.label.as_str(), r.mark.word.as_str(), r.beats.len(), r.uptime.as_str())).collect();
    assert_eq!(rows, [("new", "warning", 9, "100 %"), ("shop", "up", MAX_BEATS, "97.7 %"), ("pay", "unknown", MAX_BEATS, "–")]);
    assert_eq!(view.rows[1].beats[MAX_BEATS - 2..], [HealthState::Bad, HealthState::Good]);
    assert_eq!(view.rows[0].note.as_deref(), Some("41 ms"));
}

#[test]
fn two_things_of_one_name_keep_apart() {
    let thing = |state| LabelledState { label: "web".to_owned(), state, note: None };
    let mut panel = panel(PanelKind::States);
    (0..3).for_each(|i| {
        panel.add_reading(second(i), &Reading::States(vec![thing(HealthState::Good), thing(HealthState::Bad)])).unwrap();
    });
    let Some(PanelView::States(view)) = panel.frame().view else { panic!() };
    assert_eq!(view.rows[0].beats, [HealthState::Good; 3]);
    assert_eq!(view.rows[1].beats, [HealthState::Bad; 3]);
    assert_eq!(view.rows[1].uptime, "0 %");
}

#[test]
fn numbers_become_states_by_the_thresholds() {
    let mut judged = Panel::new(&with_thresholds(PanelKind::States), &Bindings::new());
    judged.add_reading(second(0), &numbers(&[("a", 20.0), ("b", 97.0)])).unwrap();
    let Some(PanelView::States(view)) = judged.frame().view else { panic!() };
    let rows: Vec<_> = view.rows.iter().map(|r| (r.mark.word.as_str(), r.note.as_deref().unwrap())).collect();
    assert_eq!(rows, [("ok", "20.0 %"), ("critical", "97.0 %")]);
    let error = panel(PanelKind::States).add_reading(second(0), &numbers(&[("a", 20.0)])).unwrap_err();
    assert!(error.to_string().ends_with("add thresholds to the panel"), "{error}");
}

#[test]
fn a_text_is_there_from_the_start() {
    let kind = PanelKind::Text { markdown: "You have selected **{city}**".parse().unwrap() };
    let bindings = [("city".to_owned(), "NYC".to_owned())].into();
    let panel = Panel::new(&settings(kind), &bindings);
    let Some(PanelView::Text(view)) = panel.frame().view else { panic!() };
    assert_eq!(view.html, "<p>You have selected <strong>NYC</strong></p>\n");
    assert_eq!(panel.frame().at, None);
}

#[test]
fn frames_are_written_as_the_wire_protocol_says() {
    let json = |frame: PanelFrame| serde_json::to_string(&frame).unwrap();
    let mut gauge = panel(PanelKind::Gauge { min: 0.0, max: 10.0 });
    gauge.set_trouble(trouble(Timestamp::from_millis(1000)));
    assert_eq!(
        json(gauge.drain().unwrap()),
        r#"{"trouble":{"reason":"stock.corp answered 503","since":1000,"retry_at":21000}}"#
    );
    gauge.add_reading(Timestamp::from_millis(2000), &Reading::Number(2.5)).unwrap();
    assert_eq!(
        json(gauge.drain().unwrap()),
        r#"{"at":2000,"view":{"kind":"gauge","figure":{"text":"2.50","unit":""},"percent":25.0,"min":"0","max":"10","marks":[]}}"#
    );
    let mut chart = panel(line());
    chart.add_reading(Timestamp::from_millis(1000), &Reading::Number(1.5)).unwrap();
    chart.drain();
    chart.add_reading(Timestamp::from_millis(2000), &Reading::Number(f64::NAN)).unwrap();
    assert_eq!(
        json(chart.drain().unwrap()),
        r#"{"at":2000,"append":{"times":[2000],"values":[[null]],"latest":[{"text":"–","unit":""}]}}"#
    );
}
