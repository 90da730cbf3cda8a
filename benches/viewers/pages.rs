//! The pages that are watched.

use std::fmt::Write as _;

use crate::common::people::GROUPS;

/// A page for the groups that everybody is in, so that the door has something to decide.
fn page(panels: &str) -> String {
    let groups = GROUPS.map(|group| format!("\"{group}\"")).join(", ");
    page_for(&format!("{{ groups = [{groups}] }}"), panels)
}

fn page_for(access: &str, panels: &str) -> String {
    format!("title = \"Board\"\naccess = {access}\nkeep = true\n{panels}")
}

/// One panel with a figure that changes at every reading.
pub(crate) fn one_stat(every: &str) -> String {
    page(&stat(every))
}

/// A public page with one such panel.
pub(crate) fn one_public_stat(every: &str) -> String {
    page_for("\"public\"", &stat(every))
}

fn stat(every: &str) -> String {
    format!(
        "\n[[panel]]\nid = \"day\"\ntitle = \"Of the day gone by\"\nkind = \"stat\"\nsource = \"clock\"\nquery = \"day UTC\"\n\
         every = \"{every}\"\nunit = \"percent\"\ndecimals = 6\n\
         thresholds = [{{ at = 101, state = \"bad\" }}]\n"
    )
}

/// Panels each with a query that no other page has: there are some hundred zones, and with a space more before
/// its name each is another query.
pub(crate) fn many_stats(panels: usize, every: &str, page_number: usize) -> String {
    let zones: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
    let mut text = String::new();
    for n in 0..panels {
        let which = page_number * panels + n;
        let (zone, spaces) = (&zones[which % zones.len()], " ".repeat(1 + which / zones.len()));
        write!(
            text,
            "\n[[panel]]\nid = \"day-{n}\"\ntitle = \"Day {n}\"\nkind = \"stat\"\nspan = 3\nsource = \"clock\"\n\
             query = \"day{spaces}{zone}\"\nevery = \"{every}\"\nunit = \"percent\"\ndecimals = 6\n"
        )
        .unwrap();
    }
    page(&text)
}
