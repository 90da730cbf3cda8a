use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::super::PageFile;
use super::access::read_access;
use super::inputs::read_input;
use crate::config::{
    ConfigNode, ConfigValue, Diagnostic, DiagnosticSink, Diagnostics, Document, Fields, Located, SourceLocation, ValueName,
    parse_document, quote,
};
use crate::domain::{Access, Input, PageSlug};
use crate::panels::{KEEP_RANGE, PanelSettings, read_panel};

/// The default of `order`: in the middle, so that other pages can be put before it and behind it.
const DEFAULT_ORDER: i64 = 100;

/// The longest page file: it is read by people and shown at the page's foot; what is longer was made by a mistake.
const MAX_PAGE_BYTES: usize = 256 * 1024;

/// The most panels: each is one view in every snapshot, and nobody can take in more than this.
const MAX_PANELS: usize = 100;

/// The most inputs: every combination of values is a channel, and more controls than this are an application.
const MAX_INPUTS: usize = 12;

/// Parses a page's text. `file` is the file as people know it (`pages/operations.toml`); its stem becomes the
/// page's slug. Nothing is read from disk.
///
/// # Errors
/// Every error in the text, each with its location and correction.
pub fn read_page(file: &Path, text: &str) -> Result<PageFile, Diagnostics> {
    if text.len() > MAX_PAGE_BYTES {
        let message = format!("the file has {} bytes", text.len());
        return Err(Diagnostic::new(
            SourceLocation::file(file),
            message,
            format!("{MAX_PAGE_BYTES} are the most: make several pages of it"),
        )
        .into());
    }
    let sink = DiagnosticSink::default();
    let document = Arc::new(Document::new(file.to_owned(), text.to_owned()));
    let (entries, syntax_errors) = parse_document(&document);
    if !syntax_errors.is_empty() {
        // What could be read of a broken text says little about what was meant: first things first.
        return Err(syntax_errors);
    }
    let slug = read_slug(file, &sink);
    let mut fields = Fields::new(SourceLocation::in_document(&document, 0..0), entries, &sink);

    fields.require("title", "give the page a heading: `title = \"Operations\"`");
    let title = fields.line("title").map(|title| title.value);
    let about = fields.string("about");
    let default_access = Some((Access::SignedIn, false));
    let access = fields.take("access").map_or(default_access, |node| read_access(node, &sink));
    let owner = fields.string("owner");
    let order = fields.integer("order", i64::from(i32::MIN)..=i64::from(i32::MAX)).unwrap_or(DEFAULT_ORDER);
    let (keep, keep_numbers) = read_keep(&mut fields);
    let show_source = fields.boolean("show_source").unwrap_or(false);
    let inputs = read_inputs(&mut fields, &sink);
    let mut panels = read_panels(&mut fields, inputs.as_deref(), &sink);
    for source in panels.iter_mut().filter_map(|panel| panel.source.as_mut()) {
        source.keep = source.keep.or(keep_numbers);
    }
    fields.finish();

    let diagnostics = sink.into_diagnostics();
    match (slug, title, access) {
        (Some(slug), Some(title), Some((access, second_factor))) if diagnostics.is_empty() => Ok(PageFile {
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
            inputs: inputs.unwrap_or_default(),
            panels,
        }),
        _ => Err(diagnostics),
    }
}

/// Whether the page's feeds run when nobody watches, and for how long their numbers are kept, which needs them to run.
fn read_keep(fields: &mut Fields<'_>) -> (bool, Option<Duration>) {
    let Some(node) = fields.take("keep") else { return (false, None) };
    match node.value {
        ConfigValue::Boolean(keep) => (keep, None),
        ConfigValue::String(_) => (true, node.into_duration("keep", KEEP_RANGE, fields.sink).map(|keep| keep.value)),
        other => {
            let message = format!("`keep` must be `true`, `false` or a time, not {}", other.type_name());
            let help = "write `keep = true` to have charts filled when nobody watches, or for how long their numbers are kept over \
                        restarts: `keep = \"30d\"`";
            fields.sink.report(&node.location, message, help);
            (false, None)
        }
    }
}

fn read_slug(file: &Path, sink: &DiagnosticSink) -> Option<PageSlug> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    match stem.parse() {
        Ok(slug) => Some(slug),
        Err(error) => {
            let message = format!("the file's name {} cannot be a page's address", quote(&stem));
            sink.push(Diagnostic::new(SourceLocation::file(file), message, format!("rename the file: {error}")));
            None
        }
    }
}

/// The tables of `[[key]]`; more than `most` are reported and left out.
fn array_of_tables<'l>(fields: &mut Fields<'l>, key: &'static str, most: usize, sink: &'l DiagnosticSink) -> Vec<Fields<'l>> {
    let Some(node) = fields.take(key) else { return Vec::new() };
    if matches!(node.value, ConfigValue::Table(_)) {
        let help = format!("there may be several: write `[[{key}]]`, in two pairs of brackets");
        sink.report(&node.location, format!("`[{key}]` is a heading in one pair of brackets"), help);
        return Vec::new();
    }
    let Some(list) = node.into_array(key, sink) else { return Vec::new() };
    if list.value.len() > most {
        let message = format!("the page has {} of `[[{key}]]`", list.value.len());
        sink.report(&list.value[most].location, message, format!("{most} are the most: make two pages of it"));
    }
    list.value.into_iter().take(most).filter_map(|node: ConfigNode| node.into_table(ValueName::ItemOf(key), sink)).collect()
}

/// The inputs; `None` when something is wrong with one of them: what refers to them is then not checked, as it may be right.
fn read_inputs<'l>(fields: &mut Fields<'l>, sink: &'l DiagnosticSink) -> Option<Vec<Input>> {
    let is_there = fields.key_location("input").is_some();
    let mut names = UniqueNames::default();
    let mut inputs = Vec::new();
    let tables = array_of_tables(fields, "input", MAX_INPUTS, sink);
    let count = tables.len();
    for table in tables {
        if let Some(input) = read_input(table)
            && names.insert("input", "name", input.value.name.as_str(), &input.location, sink)
        {
            inputs.push(input.value);
        }
    }
    (inputs.len() == count && (count > 0 || !is_there)).then_some(inputs)
}

fn read_panels<'l>(fields: &mut Fields<'l>, inputs: Option<&[Input]>, sink: &'l DiagnosticSink) -> Vec<PanelSettings> {
    let mut names = UniqueNames::default();
    let mut panels = Vec::new();
    for table in array_of_tables(fields, "panel", MAX_PANELS, sink) {
        let Some(Located { value: panel, location }) = read_panel(table, inputs) else { continue };
        if names.insert("panel", "id", panel.id.as_str(), &location, sink) {
            panels.push(panel);
        }
    }
    panels
}

/// Names that must be unique, and the location of each.
#[derive(Default)]
struct UniqueNames(HashMap<String, SourceLocation>);

impl UniqueNames {
    fn insert(&mut self, what: &str, key: &str, name: &str, location: &SourceLocation, sink: &DiagnosticSink) -> bool {
        if let Some(first) = self.0.get(name) {
            let line = first.line_and_column().map_or(0, |(line, _)| line);
            let message = format!("another {what} has the {key} `{name}` already, in line {line}");
            sink.report(location, message, format!("write one of its own: `{key} = \"{name}-2\"`"));
            return false;
        }
        self.0.insert(name.to_owned(), location.clone());
        true
    }
}
