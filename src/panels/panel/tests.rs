#![allow(clippy::float_cmp, clippy::unwrap_used, clippy::panic)]

//! Tests of what every panel promises to browsers. [`BrowserModel`] is a model of what they do with frames.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::domain::{DataTable as Rows, HealthState, LabelledNumber, LabelledState, Series, TableCell, TableColumn};
use crate::panels::MAX_ROWS;
use crate::panels::tests::{FedPanel, THRESHOLDS, numbers, panel, samples, second, settings, shown};

fn judged(kind: &str, keys: &str) -> FedPanel {
    panel(kind, &format!("{THRESHOLDS}{keys}"))
}

fn stat() -> FedPanel {
    judged("stat", "sparkline = true\nwindow = \"1m\"")
}

fn line() -> FedPanel {
    panel("line", "window = \"1m\"")
}

fn to_json(frame: &PanelFrame) -> Value {
    serde_json::to_value(frame).unwrap()
}

fn trouble(since: Timestamp) -> PanelTrouble {
    PanelTrouble { reason: "stock.corp answered 503".to_owned(), since, retry_at: since + Duration::from_secs(20) }
}

/// A model of a browser: it applies the JSON of frames and decides nothing.
#[derive(Debug, PartialEq)]
struct BrowserModel {
    shown: Value,
}

impl BrowserModel {
    fn showing(frame: &PanelFrame) -> Self {
        Self { shown: to_json(frame) }
    }

    fn apply(&mut self, frame: &PanelFrame) {
        let mut frame = to_json(frame);
        for key in ["at", "view"] {
            if let Some(new) = frame.get_mut(key) {
                self.shown[key] = new.take();
            }
        }
        match frame.get_mut("trouble") {
            Some(trouble) => self.shown["trouble"] = trouble.take(),
            None => _ = self.shown.as_object_mut().unwrap().shift_remove("trouble"),
        }
        if let Some(append) = frame.get("append") {
            append_points(&mut self.shown["view"], append);
        }
    }
}

/// Adds the points that are newer than the chart's own, and drops those that have left its window.
fn append_points(chart: &mut Value, append: &Value) {
    let points = |value: &Value| value.as_array().unwrap().clone();
    let mut times = points(&chart["times"]);
    let known = times.last().and_then(Value::as_i64);
    let is_new = |time: &&Value| known.is_none_or(|known| time.as_i64() > Some(known));
    let new = points(&append["times"]).iter().filter(is_new).count();
    let newest = |values: &Value| points(values).split_off(points(values).len() - new);
    times.extend(newest(&append["times"]));
    let oldest = times.last().and_then(Value::as_i64).unwrap() - chart["window"].as_i64().unwrap();
    let gone = times.iter().take_while(|time| time.as_i64() < Some(oldest)).count();
    for (at, series) in chart["series"].as_array_mut().unwrap().iter_mut().enumerate() {
        let mut values = points(&series["values"]);
        values.extend(newest(&append["values"][at]));
        series["values"] = values.split_off(gone).into();
        series["latest"] = append["latest"][at].clone();
        let state = append.get("states").map(|states| states[at].clone());
        replace(series, "state", state.filter(|state| !state.is_null()));
    }
    replace(chart, "mark", append.get("mark").cloned());
    chart["times"] = times.split_off(gone).into();
    if let Some(axis) = append.get("axis") {
        chart["axis"] = axis.clone();
    }
}

/// What is not told is no longer so.
fn replace(value: &mut Value, key: &str, new: Option<Value>) {
    let fields = value.as_object_mut().unwrap();
    match new {
        Some(new) => fields.insert(key.to_owned(), new),
        None => fields.shift_remove(key),
    };
}

/// The frame as another node reads it.
fn copy_of(frame: &PanelFrame) -> PanelFrame {
    serde_json::from_value(to_json(frame)).unwrap()
}

/// JSON whose numbers are as exact as reading them is.
fn rounded(json: Value) -> Value {
    match json {
        Value::Number(number) if number.is_f64() => format!("{:.12e}", number.as_f64().unwrap()).into(),
        Value::Array(items) => items.into_iter().map(rounded).collect(),
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(key, value)| (key, rounded(value))).collect()),
        other => other,
    }
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
fn a_browser_or_node_that_applies_every_drain_shows_the_same_as_a_later_frame() {
    for (number, settings) in samples().into_iter().enumerate() {
        for seed in 0..40 {
            let mut dice = SplitMix64(seed * 100 + number as u64);
            let mut panel = FedPanel::new(&settings, &Bindings::new());
            let mut browser = BrowserModel::showing(&panel.frame());
            let mut copy = copy_of(&panel.frame());
            let mut now = Timestamp::from_millis(1_795_309_126_976);
            for step in 0..300 {
                let frame = panel.frame();
                assert_eq!(panel.has_something_to_show(), frame.has_something_to_show());
                now = now + Duration::from_millis(dice.below(2500));
                match dice.below(40) {
                    0 => panel.set_trouble(trouble(now)),
                    1 => now = now - Duration::from_secs(dice.below(30)),
                    2..30 => _ = panel.add_reading(now, &dice.reading()),
                    // A late viewer gets a frame, and after it what it holds already.
                    30 => {
                        browser = BrowserModel::showing(&panel.frame());
                        copy = copy_of(&panel.frame());
                    }
                    _ => {
                        if let Some(frame) = panel.drain() {
                            browser.apply(&frame);
                            copy.apply(copy_of(&frame));
                        }
                        let expected = BrowserModel::showing(&panel.frame());
                        assert_eq!(browser, expected, "{settings:?}, seed {seed}, step {step}");
                        let (copied, drawn) = (rounded(to_json(&copy)), rounded(expected.shown));
                        assert_eq!(copied, drawn, "another node: {settings:?}, seed {seed}, step {step}");
                    }
                }
            }
        }
    }
}

#[test]
fn nothing_new_is_nothing_to_tell() {
    for settings in samples() {
        assert!(FedPanel::new(&settings, &Bindings::new()).drain().is_none());
    }
    let mut panel = stat();
    panel.add_reading(second(0), &Reading::Number(1.0)).unwrap();
    assert!(panel.drain().is_some());
    assert!(panel.drain().is_none());
}

#[test]
fn a_failure_tells_itself_without_the_view_and_keeps_it() {
    for mut panel in [stat(), line()] {
        panel.add_reading(second(0), &Reading::Number(1.0)).unwrap();
        panel.drain();
        panel.set_trouble(trouble(second(1)));
        let update = panel.drain().unwrap();
        assert_eq!((update.at, &update.trouble), (Some(second(0)), &Some(trouble(second(1)))));
        assert!(update.view.is_none() && update.append.is_none());
        assert!(panel.frame().view.is_some());
        panel.set_trouble(trouble(second(1)));
        assert!(panel.drain().is_none(), "the same trouble is no news");
    }
}

#[test]
fn a_good_reading_ends_the_trouble() {
    let mut panel = stat();
    panel.set_trouble(trouble(second(0)));
    assert!(panel.frame().view.is_none());
    panel.add_reading(second(2), &Reading::Number(1.0)).unwrap();
    let update = panel.drain().unwrap();
    assert_eq!(update.trouble, None);
    assert!(update.view.is_some());
}

#[test]
fn an_unchanged_view_is_not_told_again_only_its_age() {
    let mut panel = panel("gauge", "max = 10");
    panel.add_reading(second(0), &Reading::Number(1.0)).unwrap();
    panel.drain();
    panel.add_reading(second(1), &Reading::Number(1.0)).unwrap();
    assert_eq!(to_json(&panel.drain().unwrap()), json!({ "at": second(1) }));
}

#[test]
fn a_reading_of_any_shape_is_shown_or_refused_in_words_and_then_changes_nothing() {
    let readings = [
        Reading::Number(1.0),
        numbers(&[]),
        numbers(&[("a", 1.0)]),
        numbers(&[("a", 1.0), ("b", f64::NAN)]),
        processes(),
        Reading::Table(Rows::default()),
        Reading::States(vec![LabelledState { label: "shop".into(), state: HealthState::Bad, note: None }]),
        Reading::States(Vec::new()),
        Reading::Text("closed".into()),
        Reading::Series(Series::new(Vec::new(), Vec::new(), None).unwrap()),
    ];
    for settings in samples() {
        for reading in &readings {
            let mut panel = FedPanel::new(&settings, &Bindings::new());
            let before = to_json(&panel.frame());
            match panel.add_reading(second(0), reading) {
                Ok(()) => assert_eq!(shown(&panel)["kind"], settings.kind.word),
                Err(mismatch) => {
                    let words = mismatch.to_string();
                    assert!(words.contains(" shows ") || words.contains("no column"), "{settings:?}: {words}");
                    assert_eq!(to_json(&panel.frame()), before, "{settings:?}, {reading:?}");
                    assert!(panel.drain().is_none());
                }
            }
        }
    }
}

#[test]
fn a_reading_of_the_wrong_sort_is_told_in_words() {
    let said = |mut panel: FedPanel, reading: &Reading| panel.add_reading(second(0), reading).unwrap_err().to_string();
    let table = processes();
    for (panel, reading, words, json) in [
        (panel("gauge", "max = 1"), &table, "a gauge shows a number, but the source gave a table", "`4.5`"),
        (stat(), &table, "a stat shows a number or text, but the source gave a table", "`\"open\"`"),
        (line(), &table, "a chart shows numbers, but the source gave a table", "`[4.5, 3]`"),
        (panel("bar", ""), &table, "a bar chart shows numbers, but the source gave a table", "\"value\": 4.5}]`"),
        (panel("states", ""), &table, "a states panel shows states or numbers, but the source gave a table", "\"up\": true"),
        (
            panel("table", ""),
            &Reading::Number(1.0),
            "a table shows rows under columns, but the source gave a number",
            "`[{\"name\"",
        ),
    ] {
        let said = said(panel, reading);
        let (reason, shapes) = said.split_once("; as JSON it takes ").unwrap();
        assert_eq!(reason, words);
        assert!(shapes.contains(json), "{shapes}");
    }
    assert_eq!(
        said(panel("text", "text = \"Hello\""), &table),
        "a text panel shows its page's own words, but the source gave a table"
    );
    assert_eq!(
        said(panel("gauge", "max = 1"), &numbers(&[("a", 1.0), ("b", 2.0)])),
        "a gauge shows one number, but the source gave 2; let the query pick one"
    );
}

#[test]
fn a_stat_shows_figure_judgement_note_and_line() {
    let mut panel = stat();
    panel.add_reading(second(0), &Reading::Number(10.0)).unwrap();
    panel.add_reading(second(1), &numbers(&[("cpu", 86.4)])).unwrap();
    let view = shown(&panel);
    assert_eq!(view["figure"], json!({ "text": "86.4", "unit": "%" }));
    assert_eq!(view["mark"]["word"], "high");
    assert_eq!(view["note"], "warns at 80 %, bad at 95 %");
    assert_eq!(view["spark"]["line"], "M0 32L300 2");

    panel.add_reading(second(2), &Reading::Text(" closed\n".into())).unwrap();
    assert_eq!(shown(&panel), json!({ "kind": "stat", "figure": { "text": "closed", "unit": "" }, "words": true }));

    panel.add_reading(second(3), &Reading::Number(f64::NAN)).unwrap();
    let view = shown(&panel);
    assert_eq!((&view["figure"]["text"], &view["mark"]["state"]), (&json!("–"), &json!("unknown")));
}

#[test]
fn a_gauge_shows_how_far_round_it_is() {
    let mut panel = judged("gauge", "max = 200");
    panel.add_reading(second(0), &Reading::Number(50.0)).unwrap();
    let view = shown(&panel);
    assert_eq!((&view["percent"], &view["min"], &view["max"]), (&json!(25.0), &json!("0"), &json!("200 %")));
    assert_eq!(view["marks"], json!([[40.0, "warn"], [47.5, "bad"]]));
}

#[test]
fn bars_are_measured_by_the_largest_or_by_the_author() {
    let reading = numbers(&[("a", 10.0), ("b", 40.0), ("c", -1.0), ("d", f64::NAN)]);
    let bars = |keys| {
        let mut panel = panel("bar", keys);
        panel.add_reading(second(0), &reading).unwrap();
        shown(&panel)["bars"].as_array().unwrap().iter().map(|bar| bar["percent"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(bars(""), [24.4, 97.6, 2.4, 0.0], "also below zero");
    assert_eq!(bars("max = 80"), [12.4, 49.4, 1.2, 0.0]);
    let mut alone = panel("bar", "max = 4");
    alone.add_reading(second(0), &Reading::Number(1.0)).unwrap();
    let bar = &shown(&alone)["bars"][0];
    assert_eq!((&bar["label"], &bar["percent"]), (&json!(""), &json!(25.0)));
}

#[test]
fn bars_below_zero_go_the_other_way_from_the_place_of_zero() {
    let bars = |keys, values: &[f64]| {
        let labels: Vec<_> = values.iter().map(|value| ("a", *value)).collect();
        let mut panel = panel("bar", keys);
        panel.add_reading(second(0), &numbers(&labels)).unwrap();
        let view = shown(&panel);
        let extent = |bar: &Value| (bar["start"].as_f64().unwrap(), bar["percent"].as_f64().unwrap());
        view["bars"].as_array().unwrap().iter().map(extent).collect::<Vec<_>>()
    };
    assert_eq!(bars("", &[30.0, -10.0, 0.0, f64::NAN]), [(25.0, 75.0), (0.0, 25.0), (25.0, 0.0), (25.0, 0.0)]);
    assert_eq!(bars("", &[-4.0, -1.0]), [(0.0, 100.0), (75.0, 25.0)]);
    assert_eq!(bars("max = 100", &[50.0, -100.0]), [(50.0, 25.0), (0.0, 50.0)]);
    assert_eq!(bars("", &[3.0, 1.0]), [(0.0, 100.0), (0.0, 33.3)]);
    assert_eq!(bars("", &[0.0]), [(0.0, 0.0)]);
}

#[test]
fn an_empty_answer_is_shown_as_one_by_every_kind() {
    let nothing = Reading::Table(Rows::default());
    for settings in samples() {
        let mut panel = FedPanel::new(&settings, &Bindings::new());
        let shown_before = settings.kind.word == "text";
        assert!(shown_before || panel.add_reading(second(0), &nothing).is_ok(), "{settings:?}");
    }
    let mut states = panel("states", "");
    let down = LabelledState { label: "shop".into(), state: HealthState::Bad, note: None };
    states.add_reading(second(0), &Reading::States(vec![down])).unwrap();
    states.add_reading(second(1), &nothing).unwrap();
    assert_eq!((&shown(&states)["rows"], states.drain().unwrap().trouble), (&json!([]), None), "no last down stands on");
    let mut gauge = panel("gauge", "max = 1");
    gauge.add_reading(second(0), &nothing).unwrap();
    assert_eq!(shown(&gauge)["figure"]["text"], "–");
    assert_eq!(table("columns = [\"name\"]", &nothing).unwrap()["rows"], json!([]));
}

#[test]
fn a_table_of_names_and_values_is_what_its_panel_makes_of_it() {
    let text = |text: &str| TableCell::Text(text.to_owned());
    let column = |name: &str| TableColumn { name: name.to_owned(), unit: None };
    let reading = Reading::Table(Rows {
        columns: vec![column("name"), column("value"), column("up")],
        rows: vec![
            vec![text("db"), TableCell::Number(3.0), TableCell::State(HealthState::Bad)],
            vec![text("web"), TableCell::Empty, TableCell::Empty],
        ],
    });
    let view = |kind, keys| {
        let mut panel = panel(kind, keys);
        panel.add_reading(second(0), &reading).unwrap();
        shown(&panel)
    };
    assert_eq!(view("bar", "")["bars"][0]["label"], "db");
    assert_eq!(view("line", "")["series"].as_array().unwrap().len(), 2);
    assert_eq!(view("states", "")["rows"][1]["mark"]["state"], "unknown");
    assert_eq!(view("table", "columns = [\"up\", \"name\"]")["rows"][0][0]["state"], "bad");
    let numbers = table("", &numbers(&[("a", 1.0)])).unwrap();
    assert_eq!((texts(&numbers), &numbers["columns"][1]["label"]), (vec![vec!["a", "1"]], &json!("value")));
}

#[test]
fn a_word_that_is_no_state_costs_its_own_state_and_not_the_panel() {
    let rows = |cells: &[TableCell]| {
        let row = |(at, cell): (usize, &TableCell)| vec![TableCell::Text(format!("thing {at}")), cell.clone()];
        let column = |name: &str| TableColumn { name: name.to_owned(), unit: None };
        Reading::Table(Rows {
            columns: vec![column("name"), column("state")],
            rows: cells.iter().enumerate().map(row).collect(),
        })
    };
    let (up, word) = (TableCell::State(HealthState::Good), TableCell::Text("in maintenance".to_owned()));
    let mut states = panel("states", "");
    states.add_reading(second(0), &rows(&[up, word.clone(), TableCell::Empty])).unwrap();
    let shown = shown(&states);
    assert_eq!((&shown["rows"][0]["mark"]["state"], &shown["rows"][1]["mark"]["state"]), (&json!("good"), &json!("unknown")));
    assert_eq!(shown["rows"][1]["note"], "in maintenance");
    // Where there is none at all, something else was answered.
    assert!(states.add_reading(second(1), &rows(&[word])).is_err());
    states.add_reading(second(2), &rows(&[TableCell::Empty])).unwrap();
}

#[test]
fn what_is_too_long_to_show_is_counted() {
    let many: Vec<_> = (0..250).map(|i| (i.to_string(), 1.0)).collect();
    let many: Vec<_> = many.iter().map(|(label, value)| (label.as_str(), *value)).collect();
    let mut panel = panel("bar", "");
    panel.add_reading(second(0), &numbers(&many)).unwrap();
    let view = shown(&panel);
    assert_eq!((view["bars"].as_array().unwrap().len(), &view["more"]), (200, &json!(50)));
}

fn table(keys: &str, reading: &Reading) -> Result<Value, ReadingMismatch> {
    let mut panel = panel("table", keys);
    panel.add_reading(second(0), reading)?;
    Ok(shown(&panel))
}

/// The texts of a table's cells.
fn texts(table: &Value) -> Vec<Vec<&str>> {
    fn of_row(row: &Value) -> Vec<&str> {
        row.as_array().unwrap().iter().map(|cell| cell["text"].as_str().unwrap()).collect()
    }
    table["rows"].as_array().unwrap().iter().map(of_row).collect()
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
    let view = table(&format!("{THRESHOLDS}rows = 2"), &processes()).unwrap();
    assert_eq!(texts(&view), [["4711", "postgres", "96.3 %", "3.50 MiB"], ["1", "init", "0 %", "512 B"]]);
    let states: Vec<_> = view["rows"][0].as_array().unwrap().iter().map(|cell| cell.get("state")).collect();
    assert_eq!(states, [None, None, Some(&json!("bad")), None]);
    assert_eq!(view["rows"][1][2].get("state"), None, "what is good is not marked");
    assert_eq!(view["more"], 1);
    let aligns: Vec<_> = view["columns"].as_array().unwrap().iter().map(|column| &column["align"]).collect();
    assert_eq!(aligns, ["right", "left", "right", "right"]);
}

#[test]
fn a_table_shows_the_columns_asked_for_in_their_order() {
    let view = table("columns = [\"memory\", \"name\"]", &processes()).unwrap();
    assert_eq!((&view["columns"][0]["label"], &view["columns"][1]["label"]), (&json!("memory"), &json!("name")));
    assert_eq!(texts(&view)[0][1], "postgres");
    let error = table("columns = [\"memory\", \"user\"]", &processes()).unwrap_err();
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
    let view = table(THRESHOLDS, &reading).unwrap();
    assert_eq!(view["rows"][0][1], json!({ "text": "90.0 %", "state": "warn" }));
    assert_eq!(view["rows"][1], json!([{ "text": "bad", "state": "bad" }, { "text": "" }]));
}

#[test]
fn bare_numbers_of_a_column_have_equal_decimals() {
    let reading = Reading::Table(Rows {
        columns: vec![TableColumn { name: "Value".into(), unit: None }],
        rows: [1204.0, 88.1, f64::NAN, 0.0003].into_iter().map(|value| vec![TableCell::Number(value)]).collect(),
    });
    assert_eq!(texts(&table("", &reading).unwrap()).concat(), ["1204.00", "88.10", "–", "0.00030"]);
    assert_eq!(texts(&table("decimals = 1", &reading).unwrap()).concat(), ["1204.0", "88.1", "–", "0.0"]);
}

#[test]
fn things_keep_their_beats_and_their_share() {
    const MAX_BEATS: usize = 44;
    let thing = |label: &str, state| LabelledState { label: label.to_owned(), state, note: Some("41 ms".into()) };
    let mut panel = panel("states", "");
    for i in 0..60 {
        let shop = if i == 58 { HealthState::Bad } else { HealthState::Good };
        // The order changes and a thing comes later: each keeps its own beats.
        let mut things = vec![thing("shop", shop), thing("pay", HealthState::Unknown)];
        if i > 50 {
            things.insert(0, thing("new", HealthState::Warn));
        }
        panel.add_reading(second(i), &Reading::States(things)).unwrap();
    }
    let view = shown(&panel);
    let beats = |row: usize| view["rows"][row]["beats"].as_array().unwrap();
    let rows: Vec<_> = (0..3).map(|at| (&view["rows"][at], beats(at).len())).collect();
    let expected = [("new", "warning", 9, "100 %"), ("shop", "up", MAX_BEATS, "97.7 %"), ("pay", "unknown", MAX_BEATS, "–")];
    for ((row, beats), (label, word, count, uptime)) in rows.into_iter().zip(expected) {
        assert_eq!(
            (&row["label"], &row["mark"]["word"], beats, &row["uptime"]),
            (&json!(label), &json!(word), count, &json!(uptime))
        );
    }
    assert_eq!(beats(1)[MAX_BEATS - 2..], ["bad", "good"]);
    assert_eq!(view["rows"][0]["note"], "41 ms");
}

#[test]
fn two_things_of_one_name_keep_apart() {
    let thing = |state| LabelledState { label: "web".to_owned(), state, note: None };
    let mut panel = panel("states", "");
    (0..3).for_each(|i| {
        panel.add_reading(second(i), &Reading::States(vec![thing(HealthState::Good), thing(HealthState::Bad)])).unwrap();
    });
    let view = shown(&panel);
    assert_eq!(view["rows"][0]["beats"], json!(["good", "good", "good"]));
    assert_eq!(view["rows"][1]["beats"], json!(["bad", "bad", "bad"]));
    assert_eq!(view["rows"][1]["uptime"], "0 %");
}

#[test]
fn numbers_become_states_by_the_thresholds() {
    let mut judged = judged("states", "");
    judged.add_reading(second(0), &numbers(&[("a", 20.0), ("b", 97.0)])).unwrap();
    let view = shown(&judged);
    let row = |at: usize| (&view["rows"][at]["mark"]["word"], &view["rows"][at]["note"]);
    assert_eq!((row(0), row(1)), ((&json!("ok"), &json!("20.0 %")), (&json!("critical"), &json!("97.0 %"))));
    let error = panel("states", "").add_reading(second(0), &numbers(&[("a", 20.0)])).unwrap_err();
    assert!(error.to_string().ends_with("add thresholds to the panel"), "{error}");
}

#[test]
fn the_past_that_a_panel_shows_is_known_from_its_settings() {
    let window = |kind, keys| settings(kind, keys).past().window;
    assert_eq!(window("line", "window = \"1m\""), Some(Duration::from_mins(1)));
    assert_eq!(window("area", ""), Some(Duration::from_mins(15)));
    assert_eq!(window("stat", "sparkline = true"), Some(Duration::from_mins(15)));
    assert_eq!((window("stat", ""), window("bar", "")), (None, None));
}

#[test]
fn a_frame_of_every_kind_is_written_as_the_wire_protocol_says() {
    let state = |label: &str, state, note: Option<&str>| LabelledState {
        label: label.to_owned(),
        state,
        note: note.map(str::to_owned),
    };
    let cases = [
        (
            "stat",
            "sparkline = true",
            vec![Reading::Number(10.0), Reading::Number(86.4)],
            r#"{"at":1795309001000,"view":{"kind":"stat","figure":{"text":"86.4","unit":"%"},"mark":{"state":"warn","word":"high"},"note":"warns at 80 %, bad at 95 %","spark":{"line":"M0 32L300 2","area":"M0 32L300 2V34H0Z"}}}"#,
        ),
        (
            "stat",
            "",
            vec![Reading::Text("closed".into())],
            r#"{"at":1795309000000,"view":{"kind":"stat","figure":{"text":"closed","unit":""},"words":true}}"#,
        ),
        (
            "gauge",
            "max = 200",
            vec![Reading::Number(96.0)],
            r#"{"at":1795309000000,"view":{"kind":"gauge","figure":{"text":"96.0","unit":"%"},"mark":{"state":"bad","word":"critical"},"percent":48.0,"min":"0","max":"200 %","marks":[[40.0,"warn"],[47.5,"bad"]]}}"#,
        ),
        (
            "line",
            "window = \"1m\"",
            vec![numbers(&[("a", 1.5), ("b", f64::NAN)]), numbers(&[("a", 2.0), ("b", 96.0)])],
            r#"{"at":1795309001000,"view":{"kind":"line","times":[1795309000000,1795309001000],"series":[{"label":"a","latest":{"text":"2.0","unit":"%"},"values":[1.5,2.0]},{"label":"b","latest":{"text":"96.0","unit":"%"},"state":"bad","values":[null,96.0]}],"axis":{"min":0.0,"max":100.0,"ticks":[{"at":0.0,"text":"0"},{"at":25.0,"text":"25"},{"at":50.0,"text":"50"},{"at":75.0,"text":"75"},{"at":100.0,"text":"100%"}]},"window":60000,"thresholds":[[80.0,"warn"],[95.0,"bad"]],"decimals":1,"unit":"%","divisor":1.0,"mark":{"state":"bad","word":"critical"},"units":[{"from":1.0,"unit":"%","precision":"percent"}]}}"#,
        ),
        (
            "area",
            "window = \"1m\"",
            vec![Reading::Number(3.25)],
            r#"{"at":1795309000000,"view":{"kind":"area","times":[1795309000000],"series":[{"label":"","latest":{"text":"3.3","unit":"%"},"values":[3.25]}],"axis":{"min":0.0,"max":100.0,"ticks":[{"at":0.0,"text":"0"},{"at":25.0,"text":"25"},{"at":50.0,"text":"50"},{"at":75.0,"text":"75"},{"at":100.0,"text":"100%"}]},"window":60000,"thresholds":[[80.0,"warn"],[95.0,"bad"]],"decimals":1,"unit":"%","divisor":1.0,"units":[{"from":1.0,"unit":"%","precision":"percent"}]}}"#,
        ),
        (
            "bar",
            "",
            vec![numbers(&[("a", 40.0), ("b", 96.0)])],
            r#"{"at":1795309000000,"view":{"kind":"bar","bars":[{"label":"a","figure":{"text":"40.0","unit":"%"},"percent":41.7,"start":0.0,"mark":{"state":"good","word":"ok"}},{"label":"b","figure":{"text":"96.0","unit":"%"},"percent":100.0,"start":0.0,"mark":{"state":"bad","word":"critical"}}],"mark":{"state":"bad","word":"critical"}}}"#,
        ),
        (
            "table",
            "rows = 2",
            vec![processes()],
            r#"{"at":1795309000000,"view":{"kind":"table","columns":[{"label":"pid","align":"right"},{"label":"name","align":"left"},{"label":"cpu","align":"right"},{"label":"memory","align":"right"}],"rows":[[{"text":"4711"},{"text":"postgres"},{"text":"96.3 %","state":"bad"},{"text":"3.50 MiB"}],[{"text":"1"},{"text":"init"},{"text":"0 %"},{"text":"512 B"}]],"more":1,"mark":{"state":"bad","word":"critical"}}}"#,
        ),
        (
            "states",
            "",
            vec![Reading::States(vec![state("shop", HealthState::Bad, Some("503")), state("pay", HealthState::Good, None)])],
            r#"{"at":1795309000000,"view":{"kind":"states","rows":[{"label":"shop","mark":{"state":"bad","word":"down"},"note":"503","beats":["bad"],"uptime":"0 %"},{"label":"pay","mark":{"state":"good","word":"up"},"beats":["good"],"uptime":"100 %"}],"mark":{"state":"bad","word":"down"}}}"#,
        ),
    ];
    for (kind, keys, readings, json) in cases {
        let mut panel = judged(kind, keys);
        for (at, reading) in (0..).zip(&readings) {
            panel.add_reading(second(at), reading).unwrap();
        }
        assert_eq!(serde_json::to_string(&panel.frame()).unwrap(), json);
        assert_eq!(serde_json::to_string(&panel.drain()).unwrap(), json, "what is new is the whole view");
    }
    let text = serde_json::to_string(&panel("text", "text = \"**Hello** NYC\"").frame()).unwrap();
    assert_eq!(text, r#"{"view":{"kind":"text","html":"<p><strong>Hello</strong> NYC</p>\n"}}"#);
}

#[test]
fn frames_are_written_as_the_wire_protocol_says() {
    let json = |frame: PanelFrame| serde_json::to_string(&frame).unwrap();
    let mut gauge = panel("gauge", "max = 10");
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
    let mut chart = line();
    chart.add_reading(Timestamp::from_millis(1000), &Reading::Number(1.5)).unwrap();
    chart.drain();
    chart.add_reading(Timestamp::from_millis(2000), &Reading::Number(f64::NAN)).unwrap();
    assert_eq!(
        json(chart.drain().unwrap()),
        r#"{"at":2000,"append":{"times":[2000],"values":[[null]],"latest":[{"text":"–","unit":""}]}}"#
    );
}

/// The word of a panel's mark, as whoever looks at the panel, its title or nothing but the announcements is told it.
fn mark_word(frame: &PanelFrame) -> Option<String> {
    let of_view = frame.view.as_ref().and_then(|view| view.mark());
    of_view.or(frame.append.as_ref().and_then(|append| append.mark.as_ref())).map(|mark| mark.word.clone())
}

#[test]
fn every_kind_gives_a_mark_by_its_thresholds_and_what_is_good_is_silent() {
    for settings in samples() {
        if !settings.kind.has_source {
            continue;
        }
        let mut panel = FedPanel::new(&settings, &Bindings::new());
        let mut word = |at: i64, value: f64| {
            let column = |name: &str, unit: Option<&str>| TableColumn { name: name.into(), unit: unit.map(Into::into) };
            let table = Rows {
                columns: vec![column("name", None), column("cpu", Some("percent"))],
                rows: vec![vec![TableCell::Text("it".into()), TableCell::Number(value)]],
            };
            let reading = if settings.kind.word == "table" { Reading::Table(table) } else { Reading::Number(value) };
            panel.add_reading(second(at), &reading).unwrap();
            let (changed, whole) = (panel.drain().map(|frame| mark_word(&frame)), mark_word(&panel.frame()));
            assert!(changed.is_none_or(|changed| changed == whole), "{:?} says what its view does", settings.kind);
            whole
        };
        let kind = settings.kind;
        assert_eq!(word(0, 98.0).as_deref(), Some("critical"), "{kind:?}");
        assert_eq!(word(1, 81.0).as_deref(), Some("high"), "{kind:?}");
        assert_eq!(word(2, 5.0), None, "{kind:?}");
        assert_eq!(word(3, f64::NAN), None, "{kind:?}: what nobody knows is no alarm");
    }
}

#[test]
fn what_is_not_shown_is_judged_too() {
    let many = |bad: usize| {
        let value = |at: usize| if at < MAX_ROWS || at >= MAX_ROWS + bad { 1.0 } else { 99.0 };
        Reading::Numbers((0..MAX_ROWS + 10).map(|at| LabelledNumber { label: at.to_string(), value: value(at) }).collect())
    };
    for kind in ["bar", "states"] {
        let mut panel = judged(kind, "");
        panel.add_reading(second(0), &many(2)).unwrap();
        assert_eq!(mark_word(&panel.frame()).as_deref(), Some("2 critical"), "{kind}");
        panel.add_reading(second(1), &many(0)).unwrap();
        assert_eq!(mark_word(&panel.frame()), None, "{kind}");
    }
    let mut table = judged("table", "rows = 1\ncolumns = [\"name\", \"cpu\"]");
    table.add_reading(second(0), &processes()).unwrap();
    assert_eq!(mark_word(&table.frame()).as_deref(), Some("critical"));
}
