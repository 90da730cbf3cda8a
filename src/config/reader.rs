//! Taking typed values out of a tree. Every take notes what is wrong and goes on, so that one run finds every fault.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::diagnostic::{Diagnostic, Diagnostics, SourceLocation};
use super::hints::{choose, shown};
use super::quantity::{duration_text, parse_duration, parse_size, size_text};
use super::tree::{Entry, Node, Value};

/// Where faults are noted. Shared by all readers of one tree.
#[derive(Default)]
pub(super) struct Ledger(RefCell<Diagnostics>);

impl Ledger {
    pub(super) fn note(&self, place: &SourceLocation, message: impl Into<String>, help: impl Into<String>) {
        self.add(Diagnostic::new(place.clone(), message, help));
    }

    pub(super) fn add(&self, fault: Diagnostic) {
        self.0.borrow_mut().push(fault);
    }

    /// The value when it lies within `range`; otherwise it is noted.
    pub(super) fn within<T: PartialOrd + Copy>(
        &self,
        key: &str,
        found: Placed<T>,
        range: &RangeInclusive<T>,
        what: &str,
        show: impl Fn(T) -> String,
    ) -> Option<Placed<T>> {
        if range.contains(&found.value) {
            return Some(found);
        }
        let (least, most) = (show(*range.start()), show(*range.end()));
        let broken =
            if found.value < *range.start() { format!("less than {least}") } else { format!("more than {most}") };
        let message = format!("`{key}` is {}, {broken}", show(found.value));
        self.note(&found.place, message, format!("write {what} from {least} to {most}"));
        None
    }

    /// Everything noted, from top to bottom.
    pub(super) fn close(self) -> Diagnostics {
        self.0.into_inner().in_order()
    }
}

/// A value and where it is written.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) place: SourceLocation,
}

/// The keys of one table, taken one by one; [`Fields::finish`] then reports those nobody asked for.
pub(super) struct Fields<'l> {
    pub(super) place: SourceLocation,
    pub(super) ledger: &'l Ledger,
    entries: Vec<Entry>,
    asked: Vec<&'static str>,
}

impl<'l> Fields<'l> {
    pub(super) fn new(place: SourceLocation, entries: Vec<Entry>, ledger: &'l Ledger) -> Self {
        Self { place, ledger, entries, asked: Vec::new() }
    }

    /// The value as it is, and its key from now on among the known ones.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Node> {
        self.asked.push(key);
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(at).node)
    }

    /// Where `key` is written.
    pub(super) fn key_place(&self, key: &str) -> Option<SourceLocation> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| entry.key_place.clone())
    }

    /// `default` when `key` is not there, and otherwise what `take` makes of it: `None` means that it is wrong, which
    /// must not pass for left out.
    pub(super) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        take: impl FnOnce(&mut Self, &'static str) -> Option<T>,
    ) -> Option<T> {
        if self.key_place(key).is_some() {
            return take(self, key);
        }
        self.asked.push(key);
        Some(default)
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        self.placed_text(key).map(|text| text.value)
    }

    pub(super) fn placed_text(&mut self, key: &'static str) -> Option<Placed<String>> {
        self.take(key)?.text(key, self.ledger)
    }

    /// A text that is read into a name or another type of its own.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, key: &'static str) -> Option<Placed<T>> {
        let text = self.placed_text(key)?;
        match text.value.parse() {
            Ok(value) => Some(Placed { value, place: text.place }),
            Err(error) => {
                self.ledger.note(&text.place, format!("`{key}` cannot be {}", shown(&text.value)), error.to_string());
                None
            }
        }
    }

    pub(super) fn whole(&mut self, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        self.take(key)?.whole(key, range, self.ledger)
    }

    pub(super) fn real(&mut self, key: &'static str) -> Option<Placed<f64>> {
        self.take(key)?.real(key, self.ledger)
    }

    pub(super) fn truth(&mut self, key: &'static str) -> Option<bool> {
        let node = self.take(key)?;
        let found = match &node.value {
            Value::Truth(truth) => Some(*truth),
            Value::Variable(text) => text.trim().parse().ok(),
            _ => None,
        };
        if found.is_none() {
            let message = format!("`{key}` must be `true` or `false`, not {}", node.value.what());
            self.ledger.note(&node.place, message, "write `true` or `false`, without quotes");
        }
        found
    }

    pub(super) fn duration(&mut self, key: &'static str, range: RangeInclusive<Duration>) -> Option<Placed<Duration>> {
        let text = self.placed_text(key)?;
        let Some(value) = parse_duration(&text.value) else {
            let message = format!("`{key}` is {}, which is not a duration", shown(&text.value));
            let help = "write a whole number and one of the units ms, s, m, h, d: `\"250ms\"`, `\"5s\"`, `\"15m\"`";
            self.ledger.note(&text.place, message, help);
            return None;
        };
        self.ledger.within(key, Placed { value, place: text.place }, &range, "a duration", duration_text)
    }

    pub(super) fn size(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let text = self.placed_text(key)?;
        let Some(value) = parse_size(&text.value) else {
            let message = format!("`{key}` is {}, which is not a size", shown(&text.value));
            let help = "write a whole number and one of the units B, kB, MB, GB, KiB, MiB, GiB: `\"1MiB\"`";
            self.ledger.note(&text.place, message, help);
            return None;
        };
        let value = self.ledger.within(key, Placed { value, place: text.place }, &range, "a size", size_text)?;
        Some(value.value)
    }

    /// One of several words, each with its meaning.
    pub(super) fn word<T: Clone>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<Placed<T>> {
        let text = self.placed_text(key)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
            return Some(Placed { value: value.clone(), place: text.place });
        }
        let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        self.ledger.note(&text.place, format!("`{key}` cannot be {}", shown(&text.value)), choose(&text.value, &names));
        None
    }

    pub(super) fn list(&mut self, key: &'static str) -> Option<Placed<Vec<Node>>> {
        self.take(key)?.list(key, self.ledger)
    }

    /// A list of texts; what is not text is noted and left out.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Placed<Vec<Placed<String>>>> {
        let list = self.list(key)?;
        let value = list.value.into_iter().filter_map(|item| item.text(key, self.ledger)).collect();
        Some(Placed { value, place: list.place })
    }

    pub(super) fn table(&mut self, key: &'static str) -> Option<Fields<'l>> {
        self.take(key)?.table(key, self.ledger)
    }

    /// A table of which nothing is written when the key is missing, so that its defaults apply.
    pub(super) fn table_or_empty(&mut self, key: &'static str) -> Fields<'l> {
        let place = self.place.clone();
        let ledger = self.ledger;
        self.table(key).unwrap_or_else(|| Fields::new(place, Vec::new(), ledger))
    }

    /// All that is left, for tables whose keys people choose.
    pub(super) fn rest(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }

    /// Notes it when `key` is not there. What is there but wrong is noted when it is taken.
    pub(super) fn needs(&self, key: &str, help: &str) {
        if self.key_place(key).is_none() {
            self.missing(key, help);
        }
    }

    /// Notes that a key must be there and is not.
    pub(super) fn missing(&self, key: &str, help: impl Into<String>) {
        self.ledger.note(&self.place, format!("`{key}` is missing"), help);
    }

    /// Takes out a key that is known but has no business here, and says why.
    pub(super) fn refuse(&mut self, key: &str, message: &str, help: &str) {
        if let Some(at) = self.entries.iter().position(|entry| entry.key == key) {
            let entry = self.entries.remove(at);
            self.ledger.note(&entry.key_place, message, help);
        }
    }

    /// Leaves out keys that are somebody else's.
    pub(super) fn leave(&mut self, keys: &[&str]) {
        self.entries.retain(|entry| !keys.contains(&entry.key.as_str()));
    }

    /// Notes every key that nobody asked for.
    pub(super) fn finish(self) {
        for entry in &self.entries {
            let help = choose(&entry.key, &self.asked);
            self.ledger.note(&entry.key_place, format!("there is no key {}", shown(&entry.key)), help);
        }
    }
}
