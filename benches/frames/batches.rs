//! Batches as boards get them, made by the panels themselves.

use std::path::Path;
use std::time::Duration;

use belvedere::domain::{
    Bindings, DataTable, HealthState, History, LabelledNumber, Reading, TableCell, TableColumn, Timestamp,
};
use belvedere::pages::read_page;
use belvedere::panels::{Panel, PanelFrame};
use indexmap::IndexMap;

/// The time of the latest reading; the others are a second apart.
const NOW: i64 = 1_795_309_126_976;

/// All batches by name, as the text of the wire protocol.
pub(crate) fn all() -> Vec<(&'static str, String)> {
    vec![
        ("one number", batch([("cpu", panel("kind = \"stat\"", &Reading::Number(41.237)))])),
        ("a table of 50 rows", batch([("processes", panel("kind = \"table\"\nrows = 50", &processes()))])),
        ("five numbers, a table, 30 bars", batch(board())),
        ("a chart of 900 points, whole", batch([("load", chart())])),
    ]
}

fn batch<'a>(frames: impl IntoIterator<Item = (&'a str, PanelFrame)>) -> String {
    let panels: IndexMap<&str, PanelFrame> = frames.into_iter().collect();
    let batch = serde_json::json!({ "type": "batch", "seq": 42, "sent": NOW, "panels": panels });
    batch.to_string()
}

fn board() -> Vec<(&'static str, PanelFrame)> {
    let numbers = ["cpu", "load", "memory", "disk", "network"];
    let mut board: Vec<_> = numbers
        .iter()
        .zip([41.2, 1.7, 63.0, 88.4, 12.9])
        .map(|(id, value)| (*id, panel("kind = \"stat\"", &Reading::Number(value))))
        .collect();
    board.push(("processes", panel("kind = \"table\"\nrows = 50", &processes())));
    board.push(("disks", panel("kind = \"bar\"", &disks())));
    board
}

fn panel(keys: &str, reading: &Reading) -> PanelFrame {
    let (mut panel, mut history) = new_panel(keys);
    let at = Timestamp::from_millis(NOW);
    history.record(at, reading);
    panel.add_reading(at, reading, &history).unwrap();
    panel.frame(&history)
}

fn chart() -> PanelFrame {
    let (mut panel, mut history) = new_panel("kind = \"line\"");
    for second in 0..900_u32 {
        let at = Timestamp::from_millis(NOW + i64::from(second) * 1000);
        let value = 40.0 + 25.0 * (f64::from(second) / 60.0).sin() + 3.0 * noise(second);
        history.record(at, &Reading::Number(value));
        panel.add_reading(at, &Reading::Number(value), &history).unwrap();
    }
    panel.frame(&history)
}

/// A panel of percentages, as its page has it, and the history of its feed.
fn new_panel(keys: &str) -> (Panel, History) {
    let thresholds = "[{ at = 80, state = \"warn\" }, { at = 95, state = \"bad\" }]";
    let panel = "title = \"A panel\"\nsource = \"host\"\nquery = \"cpu.total\"\nunit = \"percent\"";
    let text = format!("title = \"Bench\"\n[[panel]]\n{panel}\nthresholds = {thresholds}\n{keys}\n");
    let page = read_page(Path::new("pages/bench.toml"), &text).unwrap();
    let mut history = History::new(Duration::from_secs(1));
    history.keep_windows(&page.panels[0].past().window.into_iter().collect());
    (Panel::new(&page.panels[0], &Bindings::default()), history)
}

/// The processes of a server.
fn processes() -> Reading {
    let column = |name: &str, unit: Option<&str>| TableColumn { name: name.to_owned(), unit: unit.map(ToOwned::to_owned) };
    let columns = vec![
        column("pid", None),
        column("name", None),
        column("user", None),
        column("cpu", Some("percent")),
        column("memory", Some("bytes")),
        column("state", None),
    ];
    let names = ["postgres", "nginx: worker process", "belvedere", "systemd-journald", "sshd", "chronyd", "java"];
    let users = ["postgres", "www-data", "belvedere", "root"];
    let row = |at: u32| {
        vec![
            TableCell::Number(f64::from(700 + at * 37)),
            TableCell::Text(names[at as usize % names.len()].to_owned()),
            TableCell::Text(users[at as usize % users.len()].to_owned()),
            TableCell::Number(50.0 + 49.0 * noise(at)),
            TableCell::Number((2e9 * (1.0 + noise(at + 1000))).round()),
            TableCell::State(if at.is_multiple_of(9) { HealthState::Warn } else { HealthState::Good }),
        ]
    };
    Reading::Table(DataTable { columns, rows: (0..50).map(row).collect() })
}

fn disks() -> Reading {
    let disk = |at: u32| LabelledNumber { label: format!("srv-{at:02}:/var"), value: 50.0 + 50.0 * noise(at + 77) };
    Reading::Numbers((0..30).map(disk).collect())
}

/// Noise from -1 to 1, the same in every run.
fn noise(at: u32) -> f64 {
    f64::from(at.wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 23) - 1.0
}
