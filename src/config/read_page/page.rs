use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::super::diagnostic::{Diagnostic, Diagnostics, Document, SourceLocation};
use super::super::hints::shown;
use super::super::page::{Input, PageFile, PanelSettings};
use super::super::reader::{Fields, Ledger, Placed};
use super::super::tree::{Node, read_document};
use super::access::read_access;
use super::inputs::read_input;
use super::panel::read_panel;
use crate::domain::{Access, PageSlug};

/// A page of which nothing is said stands in the middle, so that others can be put before it and behind it.
const DEFAULT_ORDER: i64 = 100;

/// A page's text is read by people and shown at its foot; what is longer was made by a mistake.
const LARGEST_PAGE: usize = 256 * 1024;

/// Every panel is one view in every snapshot, and nobody can take in more than this.
const MOST_PANELS: usize = 100;

/// Every combination of input values is a channel of its own; more controls than this are an application.
const MOST_INPUTS: usize = 12;

/// A page's text, read and judged. `file` is the file as people know it (`pages/operations.toml`); its stem becomes the
/// page's slug. Nothing is read from disk.
///
/// # Errors
/// Every fault in the text, each with its place and what would be right.
pub fn read_page(file: &Path, text: &str) -> Result<PageFile, Diagnostics> {
    if text.len() > LARGEST_PAGE {
        let message = format!("the file has {} bytes", text.len());
        return Err(Diagnostic::new(
            SourceLocation::file(file),
            message,
            format!("{LARGEST_PAGE} are the most: make several pages of it"),
        )
        .into());
    }
    let ledger = Ledger::default();
    let document = Arc::new(Document { file: file.to_owned(), text: text.to_owned() });
    let (entries, syntax) = read_document(text, &document);
    if !syntax.is_empty() {
        // What could be read of a broken text says little about what was meant: first things first.
        return Err(syntax);
    }
    let slug = read_slug(file, &ledger);
    let mut fields = Fields::new(SourceLocation::in_document(&document, 0..0), entries, &ledger);

    fields.needs("title", "give the page a heading: `title = \"Operations\"`");
    let title = fields.text("title");
    let about = fields.text("about");
    let standard = Some((Access::SignedIn, false));
    let access = fields.take("access").map_or(standard, |node| read_access(node, &ledger));
    let owner = fields.text("owner");
    let order = fields.whole("order", i64::from(i32::MIN)..=i64::from(i32::MAX)).unwrap_or(DEFAULT_ORDER);
    let keep = fields.truth("keep").unwrap_or(false);
    let show_source = fields.truth("show_source").unwrap_or(false);
    let inputs = read_inputs(&mut fields, &ledger);
    let panels = read_panels(&mut fields, &inputs, &ledger);
    fields.finish();

    let faults = ledger.close();
    match (slug, title, access) {
        (Some(slug), Some(title), Some((access, second_factor))) if faults.is_empty() => Ok(PageFile {
            slug,
            file: file.to_owned(),
            text: text.to_owned(),
            title,
            about,
            access,
            second_factor,
            owner,
            order,
            keep,
            show_source,
            inputs,
            panels,
        }),
        _ => Err(faults),
    }
}

fn read_slug(file: &Path, ledger: &Ledger) -> Option<PageSlug> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    match stem.parse() {
        Ok(slug) => Some(slug),
        Err(error) => {
            let message = format!("the file's name {} cannot be a page's address", shown(&stem));
            ledger.add(Diagnostic::new(SourceLocation::file(file), message, format!("rename the file: {error}")));
            None
        }
    }
}

/// The tables of `[[key]]`; more than `most` are noted and left out.
fn tables<'l>(fields: &mut Fields<'l>, key: &'static str, most: usize, ledger: &'l Ledger) -> Vec<Fields<'l>> {
    let Some(list) = fields.list(key) else { return Vec::new() };
    if list.value.len() > most {
        let message = format!("the page has {} of `[[{key}]]`", list.value.len());
        ledger.note(&list.value[most].place, message, format!("{most} are the most: make two pages of it"));
    }
    list.value.into_iter().take(most).filter_map(|node: Node| node.table(key, ledger)).collect()
}

fn read_inputs<'l>(fields: &mut Fields<'l>, ledger: &'l Ledger) -> Vec<Input> {
    let mut seen = Seen::default();
    let mut inputs = Vec::new();
    for table in tables(fields, "input", MOST_INPUTS, ledger) {
        if let Some(input) = read_input(table)
            && seen.is_new("input", "name", input.value.name.as_str(), &input.place, ledger)
        {
            inputs.push(input.value);
        }
    }
    inputs
}

fn read_panels<'l>(fields: &mut Fields<'l>, inputs: &[Input], ledger: &'l Ledger) -> Vec<PanelSettings> {
    let mut seen = Seen::default();
    let mut panels = Vec::new();
    for table in tables(fields, "panel", MOST_PANELS, ledger) {
        let Some(Placed { value: panel, place }) = read_panel(table, inputs) else { continue };
        if seen.is_new("panel", "id", panel.id.as_str(), &place, ledger) {
            panels.push(panel);
        }
    }
    panels
}

/// Names that may stand only once.
#[derive(Default)]
struct Seen(HashMap<String, SourceLocation>);

impl Seen {
    fn is_new(&mut self, what: &str, key: &str, name: &str, place: &SourceLocation, ledger: &Ledger) -> bool {
        if let Some(first) = self.0.get(name) {
            let line = first.line_and_column().map_or(0, |(line, _)| line);
            let message = format!("another {what} has the {key} `{name}` already, in line {line}");
            ledger.note(place, message, format!("write one of its own: `{key} = \"{name}-2\"`"));
            return false;
        }
        self.0.insert(name.to_owned(), place.clone());
        true
    }
}
