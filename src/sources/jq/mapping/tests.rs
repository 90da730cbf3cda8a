#![allow(clippy::unwrap_used)]

use super::*;

/// The reading of results written as JSON.
fn read(results: &[&str]) -> Result<Reading, SourceError> {
    reading(results.iter().map(|json| serde_json::from_str(json).unwrap()).collect())
}

fn one(json: &str) -> Reading {
    read(&[json]).unwrap()
}

fn numbers(values: &[(&str, f64)]) -> Reading {
    let labelled = |(label, value): &(&str, f64)| LabelledNumber { label: (*label).to_owned(), value: *value };
    Reading::Numbers(values.iter().map(labelled).collect())
}

fn states(values: &[(&str, HealthState, Option<&str>)]) -> Reading {
    let state = |(label, state, note): &(&str, HealthState, Option<&str>)| LabelledState {
        label: (*label).to_owned(),
        state: *state,
        note: note.map(str::to_owned),
    };
    Reading::States(values.iter().map(state).collect())
}

fn words(text: &str) -> TableCell {
    TableCell::Text(text.to_owned())
}

fn table(columns: &[&str], rows: Vec<Vec<TableCell>>) -> Reading {
    Reading::Table(DataTable { columns: columns.iter().map(|name| column(name)).collect(), rows })
}

#[test]
fn a_single_value_is_itself() {
    assert_eq!(one("4.5"), Reading::Number(4.5));
    assert_eq!(one("\"Grüezi\""), Reading::Text("Grüezi".to_owned()));
    assert_eq!(one("true"), Reading::Text("yes".to_owned()));
    assert_eq!(one("false"), Reading::Text("no".to_owned()));
}

#[test]
fn nothing_found_is_not_the_same_as_an_empty_list() {
    let nothing = Err(SourceError::BadAnswer("the filter found nothing in the answer".to_owned()));
    assert_eq!(read(&[]), nothing);
    assert_eq!(read(&["null"]), nothing);
    assert_eq!(one("[]"), table(&[], vec![]));
    assert_eq!(one("{}"), table(&[], vec![]));
}

#[test]
fn numbers_come_from_objects_lists_and_labelled_values() {
    let gap = one(r#"{"b":2,"a":null,"c":1}"#);
    let Reading::Numbers(values) = gap else { panic!("{gap:?}") };
    assert_eq!(values[0], LabelledNumber { label: "b".to_owned(), value: 2.0 });
    assert!(values[1].label == "a" && values[1].value.is_nan());
    assert_eq!(one("[3,1]"), numbers(&[("0", 3.0), ("1", 1.0)]));
    assert_eq!(read(&["3", "1"]).unwrap(), numbers(&[("0", 3.0), ("1", 1.0)]));
    for labelled in
        [r#"[{"label":"LA","value":1,"more":"x"},{"label":7,"value":2}]"#, r#"[{"name":"LA","value":1},{"value":2,"name":7}]"#]
    {
        let Reading::Numbers(expected) = numbers(&[("LA", 1.0), ("7", 2.0)]) else { unreachable!() };
        assert_eq!(one(labelled).labelled_numbers().unwrap(), expected, "{labelled}");
    }
    for neither in [r#"[{"name":"LA","count":1}]"#, r#"[{"value":1},{"value":2}]"#, r#"[{"name":"LA","value":"x"}]"#, r#""LA""#]
    {
        assert!(one(neither).labelled_numbers().is_none(), "{neither}");
    }
}

#[test]
fn what_nobody_can_tell_is_a_gap_however_it_is_written() {
    let gaps = |json: &str, labels: &[&str]| {
        let reading = one(json);
        let numbers = reading.labelled_numbers().unwrap();
        let found: Vec<_> = numbers.iter().filter(|number| !number.value.is_finite()).map(|number| &*number.label).collect();
        assert_eq!(found, labels, "{json}");
    };
    gaps(r#"{"a":null}"#, &["a"]);
    gaps(r#"{"a":null,"b":null}"#, &["a", "b"]);
    gaps("[null,null]", &["0", "1"]);
    gaps(r#"{"a":"NaN","b":1,"c":"+Inf","d":"-Inf"}"#, &["a", "c", "d"]);
    gaps(r#"["NaN",1]"#, &["0"]);
    gaps(r#"[{"name":"a","value":null},{"name":"b","value":"+Inf"},{"name":"c","value":1}]"#, &["a", "b"]);
    gaps(r#""NaN""#, &[""]);
    gaps("[]", &[]);
    let Reading::Number(value) = one(r#""NaN""#) else { panic!("no number") };
    assert!(value.is_nan());
    let unknown = one(r#"{"db":null}"#);
    assert_eq!(unknown.labelled_states().unwrap()[0].state, HealthState::Unknown);
    assert!(one("{}").labelled_states().unwrap().is_empty() && one("[]").rows().unwrap().rows.is_empty());
}

#[test]
fn states_come_from_words_and_truth_values() {
    use HealthState::{Bad, Good, Unknown, Warn};
    let all = r#"{"a":true,"b":"DOWN","c":"warn","d":"unknown","e":null,"f":"ok","g":"up","h":"good","i":"bad"}"#;
    let expected = [Good, Bad, Warn, Unknown, Unknown, Good, Good, Good, Bad];
    let Reading::States(found) = one(all) else { panic!("no states") };
    assert_eq!(found.iter().map(|entry| entry.state).collect::<Vec<_>>(), expected);
    let list = r#"[{"name":"db","state":"up","note":"41 ms"},{"name":"web","state":"down","note":7,"version":3}]"#;
    let Reading::States(expected) = states(&[("db", Good, Some("41 ms")), ("web", Bad, Some("7"))]) else { unreachable!() };
    assert_eq!(one(list).labelled_states().unwrap(), expected);
    let list = r#"[{"label":"db","up":true},{"label":"web","up":null}]"#;
    let Reading::States(expected) = states(&[("db", Good, None), ("web", Unknown, None)]) else { unreachable!() };
    assert_eq!(one(list).labelled_states().unwrap(), expected);
    assert!(one(r#"[{"name":"db","state":"restarting"}]"#).labelled_states().is_none());
}

#[test]
fn times_and_values_are_series_however_the_times_are_written() {
    let at = |millis: &[i64]| millis.iter().map(|millis| Timestamp::from_millis(*millis)).collect::<Vec<_>>();
    for times in [
        "[1796061600, 1796061601.5]",
        "[1796061600000, 1796061601500]",
        r#"["2026-11-30T18:00:00Z", "2026-11-30T19:00:01.5+01:00"]"#,
    ] {
        let times: Vec<serde_json::Value> = serde_json::from_str(times).unwrap();
        // In any order.
        let json = format!(r#"[{{"time":{},"value":2}},{{"value":1,"time":{}}}]"#, times[1], times[0]);
        let Reading::Series(series) = one(&json) else { panic!("{json}") };
        assert_eq!(series.times(), at(&[1_796_061_600_000, 1_796_061_601_500]), "{json}");
        assert_eq!((series.lines()[0].label.as_str(), series.lines()[0].values.as_slice()), ("", [1.0, 2.0].as_slice()));
    }
    let several =
        r#"[{"time":1,"value":1,"label":"LA"},{"time":2,"value":null,"label":"LA"},{"time":2,"value":"NaN","name":"NYC"}]"#;
    let Reading::Series(series) = one(several) else { panic!("no series") };
    let lines: Vec<_> =
        series.lines().iter().map(|line| (&*line.label, line.values.iter().map(|v| v.is_nan()).collect::<Vec<_>>())).collect();
    assert_eq!(lines, [("LA", vec![false, true]), ("NYC", vec![true, true])]);
    let latest = one(several);
    assert_eq!(latest.labelled_numbers().unwrap()[0].value.to_bits(), 1f64.to_bits());
    let rows = latest.rows().unwrap().into_owned();
    assert_eq!(rows.rows, [vec![words("1970-01-01T00:00:01Z"), words("LA"), TableCell::Number(1.0)]]);
    for table in [
        r#"[{"time":1,"value":1,"host":"a"}]"#,
        r#"[{"time":"noon","value":1}]"#,
        r#"[{"time":1,"value":"full"}]"#,
        r#"[{"time":1,"value":1},{"time":2}]"#,
        r#"[{"time":1,"label":"a"}]"#,
    ] {
        assert!(matches!(one(table), Reading::Table(_)), "{table}");
    }
    let square: Vec<_> = (0..1_000).map(|at| format!(r#"{{"time":{at},"value":1,"label":"{at}"}}"#)).collect();
    assert!(read(&[&format!("[{}]", square.join(","))]).unwrap_err().to_string().contains("values in its series"));
}

#[test]
fn a_list_of_objects_is_a_table_in_the_order_columns_appear() {
    let rows = r#"[{"name":"db","state":"up","version":7},{"name":"web","state":"restarting","zone":null,"tags":["a"]}]"#;
    let expected = vec![
        vec![words("db"), TableCell::State(HealthState::Good), TableCell::Number(7.0), TableCell::Empty, TableCell::Empty],
        vec![words("web"), words("restarting"), TableCell::Empty, TableCell::Empty, words("[\"a\"]")],
    ];
    assert_eq!(one(rows), table(&["name", "state", "version", "zone", "tags"], expected));
    let single = one(r#"{"name":"db","version":7,"live":true}"#);
    let row = vec![words("db"), TableCell::Number(7.0), words("yes")];
    assert_eq!(single, table(&["name", "version", "live"], vec![row]));
}

#[test]
fn other_lists_are_tables_too() {
    let grid = one(r#"[["a",1],["b"]]"#);
    let rows = vec![vec![words("a"), TableCell::Number(1.0)], vec![words("b"), TableCell::Empty]];
    assert_eq!(grid, table(&["1", "2"], rows));
    let mixed = one(r#"["a",1,null,true]"#);
    let rows = vec![vec![words("a")], vec![TableCell::Number(1.0)], vec![TableCell::Empty], vec![words("yes")]];
    assert_eq!(mixed, table(&["value"], rows));
}

#[test]
fn what_would_not_fit_a_screen_is_refused_or_shortened() {
    let many = format!("[{}0]", "0,".repeat(MAX_ENTRIES));
    assert!(read(&[&many]).unwrap_err().to_string().contains("more than 10000 entries"));
    let fields: Vec<_> = (0..=MAX_COLUMNS).map(|at| format!("{{\"c{at}\":[]}}")).collect();
    assert!(read(&[&format!("[{}]", fields.join(","))]).unwrap_err().to_string().contains("more than 100 columns"));
    let wide = format!("[{}]", vec![format!("[{}0]", "0,".repeat(50)); 3000].join(","));
    assert!(read(&[&wide]).unwrap_err().to_string().contains("more than 100000 cells"));
    let long = format!("\"{}\"", "x".repeat(MAX_TEXT_BYTES + 1));
    assert!(read(&[&long]).unwrap_err().to_string().contains("longer than 65536 bytes"));
    let Reading::Table(cut) = one(&format!("[\"{}\",\"b\"]", "ä".repeat(MAX_CELL_BYTES))) else { panic!("no table") };
    assert_eq!(cut.rows[0][0], words(&format!("{}…", "ä".repeat(MAX_CELL_BYTES / 2))));
}

#[test]
fn a_value_that_holds_itself_many_times_is_cut_off_while_it_is_written() {
    let mut value = Val::from(true);
    for _ in 0..60 {
        value = [value.clone(), value].into_iter().collect();
    }
    let Reading::Table(cut) = reading(vec![value]).unwrap() else { panic!("no table") };
    assert_eq!(cut.rows.len(), 2);
}
