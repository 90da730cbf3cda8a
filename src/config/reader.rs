//! Taking typed values out of a tree. Every take notes what is wrong and goes on, so that one run finds every fault.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::fault::{Fault, Faults, Place};
use super::quantity::{duration_text, parse_duration, parse_size, size_text};
use super::tree::{Entry, Node, Value, read_value};

/// Longer texts are cut in messages.
const LONGEST_SHOWN: usize = 60;

/// Where faults are noted. Shared by all readers of one tree.
#[derive(Default)]
pub(super) struct Ledger(RefCell<Faults>);

impl Ledger {
    pub(super) fn note(&self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        self.add(Fault::new(place.clone(), message, help));
    }

    pub(super) fn add(&self, fault: Fault) {
        self.0.borrow_mut().push(fault);
    }

    /// The value when it lies within `range`; otherwise it is noted.
    fn within<T: PartialOrd + Copy>(
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
    pub(super) fn close(self) -> Faults {
        let mut faults = self.0.into_inner();
        faults.sort();
        faults
    }
}

/// A value and where it is written.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// The keys of one table, taken one by one; [`Fields::finish`] then reports those nobody asked for.
pub(super) struct Fields<'l> {
    pub(super) place: Place,
    pub(super) ledger: &'l Ledger,
    entries: Vec<Entry>,
    asked: Vec<&'static str>,
}

impl<'l> Fields<'l> {
    pub(super) fn new(place: Place, entries: Vec<Entry>, ledger: &'l Ledger) -> Self {
        Self { place, ledger, entries, asked: Vec::new() }
    }

    /// The value as it is, and its key from now on among the known ones.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Node> {
        self.asked.push(key);
        let at = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(at).node)
    }

    /// Where `key` is written.
    pub(super) fn key_place(&self, key: &str) -> Option<Place> {
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

impl Node {
    /// A text with something in it.
    pub(super) fn text(self, key: &str, ledger: &Ledger) -> Option<Placed<String>> {
        let Self { place, value } = self;
        match value {
            Value::Text(text) | Value::Variable(text) if !text.trim().is_empty() => {
                return Some(Placed { value: text, place });
            }
            Value::Text(_) | Value::Variable(_) => {
                ledger.note(&place, format!("`{key}` is empty"), "write something between the quotes, or leave it out");
            }
            other => ledger.note(
                &place,
                format!("`{key}` must be text, not {}", other.what()),
                format!("write it in quotes: `{key} = \"…\"`"),
            ),
        }
        None
    }

    pub(super) fn whole(self, key: &str, range: RangeInclusive<i64>, ledger: &Ledger) -> Option<i64> {
        let found = match &self.value {
            Value::Whole(number) => Some(*number),
            Value::Variable(text) => text.trim().parse().ok(),
            _ => None,
        };
        let Some(value) = found else {
            let message = format!("`{key}` must be a whole number, not {}", self.value.what());
            let help = format!("write a whole number from {} to {}, without quotes", range.start(), range.end());
            ledger.note(&self.place, message, help);
            return None;
        };
        let placed = Placed { value, place: self.place };
        ledger.within(key, placed, &range, "a whole number", |number| number.to_string()).map(|number| number.value)
    }

    pub(super) fn real(self, key: &str, ledger: &Ledger) -> Option<Placed<f64>> {
        let found = match &self.value {
            Value::Real(number) => Some(*number),
            // Numbers a person writes down are far below 2^53, where this would round.
            #[expect(clippy::cast_precision_loss, reason = "limits and thresholds need no more than 53 bits")]
            Value::Whole(number) => Some(*number as f64),
            Value::Variable(text) => text.trim().parse().ok(),
            _ => None,
        };
        match found {
            Some(value) if value.is_finite() => return Some(Placed { value, place: self.place }),
            Some(_) => {
                ledger.note(&self.place, format!("`{key}` is not finite"), "write an ordinary number");
            }
            None => {
                let message = format!("`{key}` must be a number, not {}", self.value.what());
                ledger.note(&self.place, message, "write a number, without quotes");
            }
        }
        None
    }

    pub(super) fn list(self, key: &str, ledger: &Ledger) -> Option<Placed<Vec<Node>>> {
        let Self { place, value } = self.opened(ledger)?;
        if let Value::List(items) = value {
            return Some(Placed { value: items, place });
        }
        let message = format!("`{key}` must be a list, not {}", value.what());
        ledger.note(&place, message, format!("write it in brackets: `{key} = [\"…\", \"…\"]`"));
        None
    }

    pub(super) fn table<'l>(self, key: &str, ledger: &'l Ledger) -> Option<Fields<'l>> {
        let Self { place, value } = self.opened(ledger)?;
        if let Value::Table(entries) = value {
            return Some(Fields::new(place, entries, ledger));
        }
        let message = format!("`{key}` must be a table, not {}", value.what());
        ledger.note(&place, message, format!("write it in braces, `{key} = {{ … }}`, or under a heading in brackets"));
        None
    }

    /// The same with a list or table that stands in an environment variable, in TOML's form, read.
    pub(super) fn opened(self, ledger: &Ledger) -> Option<Self> {
        match &self.value {
            Value::Variable(text) if text.trim_start().starts_with(['[', '{']) => {
                match read_value(text.trim(), &self.place) {
                    Ok(node) => Some(node),
                    Err(error) => {
                        let help = "write it as in a TOML file: `[\"a\", \"b\"]` or `{ key = \"text\" }`";
                        ledger.note(&self.place, format!("the value is not TOML: {error}"), help);
                        None
                    }
                }
            }
            _ => Some(self),
        }
    }
}

/// What somebody wrote, fit for a message: control characters shown, long texts cut.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(LONGEST_SHOWN) {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    if text.chars().nth(LONGEST_SHOWN).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// "did you mean …?" when one of `known` is near `written`, and otherwise all of `known`.
pub(super) fn choose(written: &str, known: &[&str]) -> String {
    let list = || known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    match nearest(written, known) {
        Some(word) => format!("did you mean `{word}`?"),
        None if known.is_empty() => "nothing is known here".to_owned(),
        None if known.len() == 1 => format!("write {}", list()),
        None => format!("write one of {}", list()),
    }
}

/// The word most like `written`, unless even that is quite another word.
pub(super) fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let written: String = written.chars().take(LONGEST_SHOWN).flat_map(char::to_lowercase).collect();
    // One slip in a short word, one more for every four letters.
    let allowed = 1 + written.chars().count() / 4;
    known
        .iter()
        .map(|word| (strsim::damerau_levenshtein(&written, &word.to_lowercase()), *word))
        .filter(|(distance, word)| *distance <= allowed && *distance < word.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}
