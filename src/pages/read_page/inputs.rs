use std::collections::BTreeMap;

use crate::config::{ConfigNode, ConfigValue, DiagnosticSink, Fields, Located, ValueName, quote, suggest};
use crate::domain::{Input, InputKind, InputName, InputOption};
use crate::panels::reject_page_keys;

/// The most options: a longer list is searched, not read; and every option may become a channel.
const MAX_OPTIONS: usize = 500;

/// The longest value of an option. It stands in addresses, which browsers and proxies cut at some thousands.
const MAX_VALUE_BYTES: usize = 200;

const KINDS: [(&str, InputKind); 2] = [("dropdown", InputKind::Dropdown), ("radio", InputKind::Radio)];

/// An `[[input]]`, at the location of its name.
pub(super) fn read_input(mut fields: Fields<'_>) -> Option<Located<Input>> {
    fields.require("name", "name it, for the address and for placeholders: `name = \"city\"`");
    fields.require("kind", "say how it looks: `kind = \"dropdown\"` or `kind = \"radio\"`");
    let name = fields.parsed::<InputName>("name");
    let label = fields.line("label").map(|label| label.value);
    let is_of_no_kind = fields.key_location("kind").is_none();
    let kind = fields.enumeration("kind", &KINDS);
    // What kind is meant says whether it has options.
    if kind.is_some() || is_of_no_kind {
        fields.require("options", "list what can be chosen: `options = [\"LA\", \"NYC\"]`");
    }
    let options = read_options(&mut fields);
    let default = read_default(&mut fields, options.as_deref());
    reject_page_keys(&mut fields, "an input");
    fields.finish();

    let (name, options) = (name?, options?);
    let label = label.unwrap_or_else(|| name.value.to_string());
    let input = Input { name: name.value, label, kind: kind?.value, options, default: default? };
    Some(Located { value: input, location: name.location })
}

fn read_options(fields: &mut Fields<'_>) -> Option<Vec<InputOption>> {
    let sink = fields.sink;
    let list = fields.array("options")?;
    if list.value.is_empty() {
        sink.report(
            &list.location,
            "`options` is empty, so nothing could be chosen",
            "list at least one: `options = [\"LA\"]`",
        );
        return None;
    }
    if list.value.len() > MAX_OPTIONS {
        let help = format!("{MAX_OPTIONS} are the most; split them over two inputs");
        sink.report(&list.location, format!("`options` has {} options", list.value.len()), help);
        return None;
    }
    let count = list.value.len();
    let options: Vec<Located<InputOption>> = list.value.into_iter().filter_map(|node| read_option(node, sink)).collect();
    let valid = check_distinct(&options, sink) & check_same_fields(&options, sink);
    (valid && options.len() == count).then(|| options.into_iter().map(|option| option.value).collect())
}

/// A text, or a table with `value`, `label` and fields of the author's.
fn read_option(node: ConfigNode, sink: &DiagnosticSink) -> Option<Located<InputOption>> {
    let location = node.location.clone();
    if let ConfigValue::Table(_) = node.value {
        return read_option_table(node.into_table(ValueName::ItemOf("options"), sink)?);
    }
    let value = read_option_value(node.into_any_string(ValueName::ItemOf("options"), sink)?, sink)?;
    let option = InputOption { label: label_of(&value), value, fields: BTreeMap::new() };
    Some(Located { value: option, location })
}

fn read_option_table(mut fields: Fields<'_>) -> Option<Located<InputOption>> {
    let sink = fields.sink;
    let location = fields.location.clone();
    fields.require("value", "say what it stands for in the address: `{ value = \"NYC\", label = \"New York\" }`");
    let value = read_option_value(fields.take("value")?.into_any_string("value", sink)?, sink)?;
    let label = fields.take("label").map_or(Some(label_of(&value)), |node| Some(node.into_string("label", sink)?.value))?;
    let mut additional = BTreeMap::new();
    for entry in fields.take_rest() {
        if entry.key.parse::<InputName>().is_err() {
            let help = "name it with a-z, 0-9, '-' and '_', so that `{input.field}` can refer to it";
            sink.report(&entry.key_location, format!("an option's field cannot be called {}", quote(&entry.key)), help);
            return None;
        }
        let text = entry.node.into_any_string(&entry.key, sink)?;
        additional.insert(entry.key, text.value);
    }
    Some(Located { value: InputOption { value, label, fields: additional }, location })
}

/// The label of an option without one: its value, or where that is empty a dash, so that there is something to choose.
fn label_of(value: &str) -> String {
    if value.trim().is_empty() { "–".to_owned() } else { value.to_owned() }
}

fn read_option_value(text: Located<String>, sink: &DiagnosticSink) -> Option<String> {
    if text.value.len() > MAX_VALUE_BYTES || text.value.chars().any(char::is_control) {
        let message = "an option's value is too long or has a control character in it";
        let help = format!("write at most {MAX_VALUE_BYTES} bytes in one line; what people read is the `label`");
        sink.report(&text.location, message, help);
        return None;
    }
    Some(text.value)
}

fn check_distinct(options: &[Located<InputOption>], sink: &DiagnosticSink) -> bool {
    let mut valid = true;
    for (at, option) in options.iter().enumerate() {
        if options[..at].iter().any(|earlier| earlier.value.value == option.value.value) {
            let message = format!("another option is {} already", quote(&option.value.value));
            sink.report(&option.location, message, "every option's value stands once: take one of them out");
            valid = false;
        }
    }
    valid
}

/// A placeholder `{city.zone}` must mean something whatever is chosen.
fn check_same_fields(options: &[Located<InputOption>], sink: &DiagnosticSink) -> bool {
    let Some((first, others)) = options.split_first() else { return true };
    let mut valid = true;
    for option in others {
        let lacks = first.value.fields.keys().find(|field| !option.value.fields.contains_key(*field));
        let exceeds = option.value.fields.keys().find(|field| !first.value.fields.contains_key(*field));
        let (message, field) = match (lacks, exceeds) {
            (Some(field), _) => (format!("this option has no `{field}`, which the first one has"), field),
            (None, Some(field)) => (format!("this option has a `{field}`, which the first one has not"), field),
            (None, None) => continue,
        };
        sink.report(&option.location, message, format!("give every option of an input the same fields: `{field} = \"…\"`"));
        valid = false;
    }
    valid
}

/// The index of the initial choice.
fn read_default(fields: &mut Fields<'_>, options: Option<&[InputOption]>) -> Option<usize> {
    let Some(node) = fields.take("default") else { return Some(0) };
    let text = node.into_any_string("default", fields.sink)?;
    let options = options?;
    let found = options.iter().position(|option| option.value == text.value);
    if found.is_none() {
        let values: Vec<_> = options.iter().map(|option| option.value.as_str()).collect();
        let message = format!("`default` is {}, which is not among the options", quote(&text.value));
        fields.sink.report(&text.location, message, suggest(&text.value, &values));
    }
    found
}
