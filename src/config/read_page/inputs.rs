use std::collections::BTreeMap;

use super::super::hints::{choose, shown};
use super::super::page::{Input, InputKind, InputOption};
use super::super::reader::{Fields, Ledger, Placed};
use super::super::tree::{Node, Value};
use crate::domain::InputName;

/// A list longer than this is searched, not read; and every option may become a channel.
const MOST_OPTIONS: usize = 500;

/// The longest value of an option. It stands in addresses, which browsers and proxies cut at some thousands.
const LONGEST_VALUE: usize = 200;

const KINDS: [(&str, InputKind); 2] = [("dropdown", InputKind::Dropdown), ("radio", InputKind::Radio)];

/// An `[[input]]`, at the place of its name.
pub(super) fn read_input(mut fields: Fields<'_>) -> Option<Placed<Input>> {
    fields.needs("name", "name it, for the address and for placeholders: `name = \"city\"`");
    fields.needs("kind", "say how it looks: `kind = \"dropdown\"` or `kind = \"radio\"`");
    fields.needs("options", "list what can be chosen: `options = [\"LA\", \"NYC\"]`");
    let name = fields.parsed::<InputName>("name");
    let label = fields.text("label");
    let kind = fields.word("kind", &KINDS);
    let options = read_options(&mut fields);
    let default = read_default(&mut fields, options.as_deref());
    fields.finish();

    let (name, options) = (name?, options?);
    let label = label.unwrap_or_else(|| name.value.to_string());
    let input = Input { name: name.value, label, kind: kind?.value, options, default: default? };
    Some(Placed { value: input, place: name.place })
}

fn read_options(fields: &mut Fields<'_>) -> Option<Vec<InputOption>> {
    let ledger = fields.ledger;
    let list = fields.list("options")?;
    if list.value.is_empty() {
        ledger.note(
            &list.place,
            "`options` is empty, so nothing could be chosen",
            "list at least one: `options = [\"LA\"]`",
        );
        return None;
    }
    if list.value.len() > MOST_OPTIONS {
        let help = format!("{MOST_OPTIONS} are the most; split them over two inputs");
        ledger.note(&list.place, format!("`options` has {} options", list.value.len()), help);
        return None;
    }
    let written = list.value.len();
    let options: Vec<Placed<InputOption>> =
        list.value.into_iter().filter_map(|node| read_option(node, ledger)).collect();
    let sound = check_distinct(&options, ledger) & check_same_fields(&options, ledger);
    (sound && options.len() == written).then(|| options.into_iter().map(|option| option.value).collect())
}

/// A text, or a table with `value`, `label` and fields of the author's.
fn read_option(node: Node, ledger: &Ledger) -> Option<Placed<InputOption>> {
    let place = node.place.clone();
    if let Value::Table(_) = node.value {
        return read_option_table(node.table("options", ledger)?);
    }
    let value = read_option_value(node.text("options", ledger)?, ledger)?;
    let option = InputOption { label: value.clone(), value, fields: BTreeMap::new() };
    Some(Placed { value: option, place })
}

fn read_option_table(mut fields: Fields<'_>) -> Option<Placed<InputOption>> {
    let ledger = fields.ledger;
    let place = fields.place.clone();
    fields.needs("value", "say what it stands for in the address: `{ value = \"NYC\", label = \"New York\" }`");
    let value = read_option_value(fields.placed_text("value")?, ledger)?;
    let label = fields.take("label").map_or(Some(value.clone()), |node| Some(node.text("label", ledger)?.value))?;
    let mut further = BTreeMap::new();
    for entry in fields.rest() {
        if entry.key.parse::<InputName>().is_err() {
            let help = "name it with a-z, 0-9, '-' and '_', so that `{input.field}` can refer to it";
            ledger.note(&entry.key_place, format!("an option's field cannot be called {}", shown(&entry.key)), help);
            return None;
        }
        let text = entry.node.text(&entry.key, ledger)?;
        further.insert(entry.key, text.value);
    }
    Some(Placed { value: InputOption { value, label, fields: further }, place })
}

fn read_option_value(text: Placed<String>, ledger: &Ledger) -> Option<String> {
    if text.value.len() > LONGEST_VALUE || text.value.chars().any(char::is_control) {
        let message = "an option's value is too long or has a control character in it";
        let help = format!("write at most {LONGEST_VALUE} bytes in one line; what people read is the `label`");
        ledger.note(&text.place, message, help);
        return None;
    }
    Some(text.value)
}

fn check_distinct(options: &[Placed<InputOption>], ledger: &Ledger) -> bool {
    let mut sound = true;
    for (at, option) in options.iter().enumerate() {
        if options[..at].iter().any(|earlier| earlier.value.value == option.value.value) {
            let message = format!("another option is {} already", shown(&option.value.value));
            ledger.note(&option.place, message, "every option's value stands once: take one of them out");
            sound = false;
        }
    }
    sound
}

/// A placeholder `{city.zone}` must mean something whatever is chosen.
fn check_same_fields(options: &[Placed<InputOption>], ledger: &Ledger) -> bool {
    let Some((first, others)) = options.split_first() else { return true };
    let mut sound = true;
    for option in others {
        let lacks = first.value.fields.keys().find(|field| !option.value.fields.contains_key(*field));
        let exceeds = option.value.fields.keys().find(|field| !first.value.fields.contains_key(*field));
        let (message, field) = match (lacks, exceeds) {
            (Some(field), _) => (format!("this option has no `{field}`, which the first one has"), field),
            (None, Some(field)) => (format!("this option has a `{field}`, which the first one has not"), field),
            (None, None) => continue,
        };
        ledger.note(
            &option.place,
            message,
            format!("give every option of an input the same fields: `{field} = \"…\"`"),
        );
        sound = false;
    }
    sound
}

/// The index of the option chosen at first.
fn read_default(fields: &mut Fields<'_>, options: Option<&[InputOption]>) -> Option<usize> {
    let Some(node) = fields.take("default") else { return Some(0) };
    let text = node.text("default", fields.ledger)?;
    let options = options?;
    let found = options.iter().position(|option| option.value == text.value);
    if found.is_none() {
        let values: Vec<_> = options.iter().map(|option| option.value.as_str()).collect();
        let message = format!("`default` is {}, which is not among the options", shown(&text.value));
        fields.ledger.note(&text.place, message, choose(&text.value, &values));
    }
    found
}
