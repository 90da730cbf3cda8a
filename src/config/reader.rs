//! Typed reading of a configuration tree. Each read reports what is wrong and goes on, so that one pass
//! finds every error.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::diagnostic::{Diagnostic, Diagnostics, SourceLocation};
use super::hints::{closest, quote, suggest};
use super::quantity::{format_size, parse_size};
use super::tree::{ConfigEntry, ConfigNode, ConfigValue};
use super::value_name::ValueName;

/// The collector of diagnostics, shared by all readers of one tree.
#[derive(Default)]
pub(crate) struct DiagnosticSink(RefCell<Diagnostics>);

impl DiagnosticSink {
    pub(crate) fn report(&self, location: &SourceLocation, message: impl Into<String>, help: impl Into<String>) {
        self.push(Diagnostic::new(location.clone(), message, help));
    }

    pub(crate) fn push(&self, diagnostic: Diagnostic) {
        self.0.borrow_mut().push(diagnostic);
    }

    /// The value when it lies within `range`; otherwise that is reported.
    pub(crate) fn check_range<T: PartialOrd + Copy>(
        &self,
        key: &str,
        found: Located<T>,
        range: &RangeInclusive<T>,
        what: &str,
        show: impl Fn(T) -> String,
    ) -> Option<Located<T>> {
        if range.contains(&found.value) {
            return Some(found);
        }
        let (least, most) = (show(*range.start()), show(*range.end()));
        let broken = if found.value < *range.start() { format!("less than {least}") } else { format!("more than {most}") };
        let message = format!("`{key}` is {}, {broken}", show(found.value));
        self.report(&found.location, message, format!("write {what} from {least} to {most}"));
        None
    }

    /// All diagnostics, from top to bottom.
    pub(crate) fn into_diagnostics(self) -> Diagnostics {
        self.0.into_inner().in_order()
    }
}

/// A value and its location.
#[derive(Clone, Debug)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) location: SourceLocation,
}

/// The fields of one table, taken key by key; [`Fields::finish`] then reports unknown keys.
pub(crate) struct Fields<'l> {
    pub(crate) location: SourceLocation,
    pub(crate) sink: &'l DiagnosticSink,
    entries: Vec<ConfigEntry>,
    known_keys: Vec<&'static str>,
    /// Keys that are somebody else's, and may be meant by others.
    foreign_keys: Vec<&'static str>,
    taken: Vec<TakenKey>,
}

/// The locations of a key that was taken, of its value, and of the items when it is an array.
struct TakenKey {
    key: &'static str,
    location: SourceLocation,
    value: SourceLocation,
    items: Vec<SourceLocation>,
}

impl<'l> Fields<'l> {
    pub(crate) fn new(location: SourceLocation, entries: Vec<ConfigEntry>, sink: &'l DiagnosticSink) -> Self {
        Self { location, sink, entries, known_keys: Vec::new(), foreign_keys: Vec::new(), taken: Vec::new() }
    }

    /// Takes the untyped value of `key`, which is from now on among the known keys.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<ConfigNode> {
        self.know(key);
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        let ConfigEntry { key_location, node, .. } = self.entries.remove(at);
        let items = match &node.value {
            ConfigValue::Array(items) => items.iter().map(|item| item.location.clone()).collect(),
            _ => Vec::new(),
        };
        self.taken.push(TakenKey { key, location: key_location, value: node.location.clone(), items });
        Some(node)
    }

    /// The value of `key`, which is yet to be taken.
    pub(super) fn peek(&self, key: &str) -> Option<&ConfigNode> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// Makes `key` one of those that may be there.
    pub(crate) fn know(&mut self, key: &'static str) {
        self.known_keys.push(key);
    }

    /// The location of `key`, when it is there or was.
    pub(crate) fn key_location(&self, key: &str) -> Option<SourceLocation> {
        let waiting = self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.key_location);
        waiting.or_else(|| Some(&self.taken(key)?.location)).cloned()
    }

    /// The location of the value of `key`, when it was there and taken.
    pub(crate) fn value_location(&self, key: &str) -> Option<SourceLocation> {
        Some(self.taken(key)?.value.clone())
    }

    /// The location of an item of `key`, which was taken, or of its value when that is no array.
    pub(crate) fn item_location(&self, key: &str, index: usize) -> Option<SourceLocation> {
        let taken = self.taken(key)?;
        Some(taken.items.get(index).unwrap_or(&taken.value).clone())
    }

    fn taken(&self, key: &str) -> Option<&TakenKey> {
        self.taken.iter().find(|taken| taken.key == key)
    }

    /// The value of `key` as `read` gives it, or `default` when it is not there. `None` means that it is wrong, which must
    /// not pass for left out.
    pub(crate) fn optional<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&mut Self, &'static str) -> Option<T>,
    ) -> Option<T> {
        if self.key_location(key).is_some() {
            return read(self, key);
        }
        self.know(key);
        Some(default)
    }

    pub(crate) fn string(&mut self, key: &'static str) -> Option<String> {
        self.located_string(key).map(|text| text.value)
    }

    pub(crate) fn located_string(&mut self, key: &'static str) -> Option<Located<String>> {
        self.take(key)?.into_string(key, self.sink)
    }

    /// A string of one line: a title or a label, which also stands where a line break would make another line.
    pub(crate) fn line(&mut self, key: &'static str) -> Option<Located<String>> {
        let text = self.located_string(key)?;
        if text.value.chars().any(char::is_control) {
            let message = format!("`{key}` has a line break or another control character in it");
            self.sink.report(&text.location, message, "write it in one line");
            return None;
        }
        Some(text)
    }

    /// A string that is parsed into a name or another type of its own.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&mut self, key: &'static str) -> Option<Located<T>> {
        let text = self.located_string(key)?;
        match text.value.parse() {
            Ok(value) => Some(Located { value, location: text.location }),
            Err(error) => {
                self.sink.report(&text.location, format!("`{key}` cannot be {}", quote(&text.value)), error.to_string());
                None
            }
        }
    }

    /// A list of strings that are parsed. `None` when any of them is wrong, so that a slip of the pen never makes a list
    /// shorter than it was meant to be.
    pub(crate) fn parsed_list<T: FromStr<Err: Display>>(&mut self, key: &'static str) -> Option<Vec<T>> {
        let items = self.take(key)?.into_array(key, self.sink)?.value;
        self.parse_items(ValueName::ItemOf(key), items)
    }

    /// A string that is parsed, or a list of such.
    pub(crate) fn parsed_one_or_more<T: FromStr<Err: Display>>(&mut self, key: &'static str) -> Option<Vec<T>> {
        match self.take(key)?.parse_env_toml(self.sink)? {
            list @ ConfigNode { value: ConfigValue::Array(_), .. } => {
                let items = list.into_array(key, self.sink)?.value;
                self.parse_items(ValueName::ItemOf(key), items)
            }
            one => self.parse_items(ValueName::Of(key), vec![one]),
        }
    }

    fn parse_items<T: FromStr<Err: Display>>(&self, name: ValueName<'static>, items: Vec<ConfigNode>) -> Option<Vec<T>> {
        let (ValueName::Of(key) | ValueName::ItemOf(key)) = name;
        let count = items.len();
        let parse = |item: ConfigNode| {
            let text = item.into_string(name, self.sink)?;
            let parsed = text.value.parse().map_err(|error: T::Err| {
                self.sink.report(
                    &text.location,
                    format!("`{key}` cannot have {} in it", quote(&text.value)),
                    error.to_string(),
                );
            });
            parsed.ok()
        };
        let parsed: Vec<_> = items.into_iter().filter_map(parse).collect();
        (parsed.len() == count).then_some(parsed)
    }

    pub(crate) fn integer(&mut self, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        self.take(key)?.into_integer(key, range, self.sink)
    }

    pub(crate) fn float(&mut self, key: &'static str) -> Option<Located<f64>> {
        self.take(key)?.into_float(key, self.sink)
    }

    pub(crate) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let node = self.take(key)?;
        node.reveal();
        let found = match &node.value {
            ConfigValue::Boolean(boolean) => Some(*boolean),
            ConfigValue::EnvVar(text) => text.trim().parse().ok(),
            _ => None,
        };
        if found.is_none() {
            let message = format!("`{key}` must be `true` or `false`, not {}", node.value.type_name());
            self.sink.report(&node.location, message, "write `true` or `false`, without quotes");
        }
        found
    }

    pub(crate) fn duration(&mut self, key: &'static str, range: RangeInclusive<Duration>) -> Option<Located<Duration>> {
        self.take(key)?.into_duration(key, range, self.sink)
    }

    pub(crate) fn size(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let text = self.located_string(key)?;
        let Some(value) = parse_size(&text.value) else {
            let message = format!("`{key}` is {}, which is not a size", quote(&text.value));
            let help = "write a whole number and one of the units B, kB, MB, GB, KiB, MiB, GiB: `\"1MiB\"`";
            self.sink.report(&text.location, message, help);
            return None;
        };
        let value = self.sink.check_range(key, Located { value, location: text.location }, &range, "a size", format_size)?;
        Some(value.value)
    }

    /// One of several words, each with its value.
    pub(crate) fn enumeration<T: Clone>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<Located<T>> {
        let text = self.located_string(key)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
            return Some(Located { value: value.clone(), location: text.location });
        }
        let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        self.sink.report(&text.location, format!("`{key}` cannot be {}", quote(&text.value)), suggest(&text.value, &names));
        None
    }

    pub(crate) fn array(&mut self, key: &'static str) -> Option<Located<Vec<ConfigNode>>> {
        self.take(key)?.into_array(key, self.sink)
    }

    /// An array of strings; what is not a string is reported and left out.
    pub(crate) fn strings(&mut self, key: &'static str) -> Option<Located<Vec<Located<String>>>> {
        let list = self.array(key)?;
        let value = list.value.into_iter().filter_map(|item| item.into_string(ValueName::ItemOf(key), self.sink)).collect();
        Some(Located { value, location: list.location })
    }

    pub(crate) fn table(&mut self, key: &'static str) -> Option<Fields<'l>> {
        self.take(key)?.into_table(key, self.sink)
    }

    /// The table under `key`, or an empty one, so that its defaults apply.
    pub(crate) fn table_or_empty(&mut self, key: &'static str) -> Fields<'l> {
        let location = self.location.clone();
        let sink = self.sink;
        self.table(key).unwrap_or_else(|| Fields::new(location, Vec::new(), sink))
    }

    /// Takes all remaining entries, for tables whose keys people choose.
    pub(crate) fn take_rest(&mut self) -> Vec<ConfigEntry> {
        std::mem::take(&mut self.entries)
    }

    /// Reports a missing `key`. One that is there but wrong is reported when it is taken.
    pub(crate) fn require(&self, key: &str, help: &str) {
        if self.key_location(key).is_none() {
            self.report_missing(key, help);
        }
    }

    /// Reports that `key` must be there and is not.
    pub(crate) fn report_missing(&self, key: &str, help: impl Into<String>) {
        self.sink.report(&self.location, format!("`{key}` is missing"), help);
    }

    /// Takes out a key that is known but does not belong here, and reports it.
    pub(crate) fn reject(&mut self, key: &str, message: &str, help: &str) {
        if let Some(at) = self.entries.iter().position(|entry| entry.key == key) {
            let entry = self.entries.remove(at);
            self.sink.report(&entry.key_location, message, help);
        }
    }

    /// Takes out keys that are somebody else's.
    pub(crate) fn ignore(&mut self, keys: &[&'static str]) {
        self.foreign_keys.extend(keys);
        self.entries.retain(|entry| !keys.contains(&entry.key.as_str()));
    }

    /// Reports every key that was not asked for.
    pub(crate) fn finish(self) {
        for entry in &self.entries {
            let foreign = closest(&entry.key, &self.foreign_keys).filter(|_| closest(&entry.key, &self.known_keys).is_none());
            let help = suggest(&entry.key, foreign.as_ref().map_or(&self.known_keys, std::slice::from_ref));
            self.sink.report(&entry.key_location, format!("there is no key {}", quote(&entry.key)), help);
        }
    }
}
