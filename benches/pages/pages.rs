//! The pages that are opened.

use std::fmt::Write as _;

/// The pages by their slug.
pub(crate) fn all() -> Vec<(&'static str, String)> {
    vec![
        ("moving", format!("title = \"Moving\"\naccess = \"public\"\n{}", thirty_panels())),
        ("board", format!("title = \"Board\"\n{}", thirty_panels())),
        ("cold", format!("title = \"Cold\"\n{}", thirty_panels())),
        ("charts", format!("title = \"Charts\"\naccess = \"public\"\n{}", ten_charts())),
    ]
}

/// Thirty panels of four kinds, all of which change ten times a second.
fn thirty_panels() -> String {
    let mut page = String::new();
    for number in 0..30 {
        let own = match number % 6 {
            0..=2 => "kind = \"stat\"\nthresholds = [{ at = 40, state = \"warn\" }]",
            3 => "kind = \"stat\"\nsparkline = true\nwindow = \"1m\"",
            4 => "kind = \"gauge\"\nmax = 100",
            _ => "kind = \"bar\"\nmax = 100",
        };
        panel(&mut page, number, own);
    }
    page
}

/// Ten charts of 900 points each.
fn ten_charts() -> String {
    let mut page = String::new();
    (0..10).for_each(|number| panel(&mut page, number, "kind = \"line\"\nwindow = \"90s\""));
    page
}

fn panel(page: &mut String, number: usize, own: &str) {
    let _ = write!(
        page,
        "\n[[panel]]\ntitle = \"Panel {number}\"\nsource = \"clock\"\nquery = \"day UTC\"\nevery = \"100ms\"\ndecimals = 6\n{own}\n"
    );
}
