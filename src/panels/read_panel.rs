use std::ops::RangeInclusive;
use std::time::Duration;

use itertools::Itertools;

use super::kind::{PanelKind, PanelSettings, ReadContext};
use super::registry::{PANEL_KINDS, kind_specific_keys};
use super::settings::{PanelSource, Unit};
use crate::config::{ConfigValue, DiagnosticSink, Fields, Located, SourceLocation, ValueName, quote};
use crate::domain::{HealthState, Input, PanelId, SourceName, Threshold};

/// The shortest interval of queries: batches go out ten times a second, so nobody would see more.
const MIN_EVERY: Duration = Duration::from_millis(100);

/// The longest interval of queries: a page is live, and what changes less than once a day need not be asked again.
const MAX_EVERY: Duration = Duration::from_hours(24);

/// The interval of queries: slow enough for any source, quick enough to be called live.
const DEFAULT_EVERY: Duration = Duration::from_secs(5);

/// The default of `stale_after` is this many times `every`: a reading is late when as many in a row failed to come …
const STALE_AFTER_MISSES: u32 = 3;

/// … but at least this: a shorter hiccup is no news.
const MIN_DEFAULT_STALE: Duration = Duration::from_secs(5);

/// The latest that a value is shown as old: nobody waits longer than a month to hear of it.
const MAX_STALE: Duration = Duration::from_hours(24 * 30);

/// How long numbers may be kept: less would be gone before anybody looks; ten years are as long as a machine lasts.
pub(crate) const KEEP_RANGE: RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(24 * 3650);

/// The most digits behind the point; a double has no more than this many worth showing.
const MAX_DECIMALS: i64 = 9;

/// The longest unit; a longer one is a sentence.
const MAX_UNIT_CHARS: usize = 20;

/// The most thresholds: good, warn, bad, from both sides, with room to spare.
const MAX_THRESHOLDS: usize = 10;

/// The keys of a page, which are no panel's or input's. A panel's own title is taken before.
const PAGE_KEYS: [&str; 7] = ["title", "about", "access", "owner", "order", "keep", "show_source"];

const UNITS: [(&str, Unit); 6] = [
    ("percent", Unit::Percent),
    ("bytes", Unit::Bytes),
    ("bytes/s", Unit::BytesPerSecond),
    ("bits/s", Unit::BitsPerSecond),
    ("seconds", Unit::Seconds),
    ("celsius", Unit::Celsius),
];

const STATES: [(&str, HealthState); 3] = [("good", HealthState::Good), ("warn", HealthState::Warn), ("bad", HealthState::Bad)];

/// A `[[panel]]`, at the location of its id or, without one, of its title. `None` when something is wrong with it. `inputs` are
/// those of its page, unless one of them is wrong.
pub(crate) fn read_panel(mut fields: Fields<'_>, inputs: Option<&[Input]>) -> Option<Located<PanelSettings>> {
    fields.require("kind", &format!("say how it is shown: {}", list_kinds()));
    let words: Vec<_> = PANEL_KINDS.iter().map(|kind| (kind.word, *kind)).collect();
    let kind = fields.enumeration("kind", &words);
    let written_title = fields.key_location("title").is_some();
    let title = fields.line("title");
    let span = fields.optional("span", None, |fields, key| fields.integer(key, 1..=12).map(Some));
    let Some(Located { value: kind, .. }) = kind else {
        // Without its kind nobody can tell which of the other keys are right.
        fields.take("id");
        fields.ignore(&kind_specific_keys().collect_vec());
        reject_page_keys(&mut fields, "a panel");
        fields.finish();
        return None;
    };
    if kind.has_source {
        require_source(&fields, written_title);
    }
    let id = read_id(&mut fields, title.as_ref(), kind);
    reject_keys_of_other_kinds(&mut fields, kind);
    let (source, unit, decimals, thresholds) = if kind.has_source {
        (read_source(&mut fields).map(Some), read_unit(&mut fields), read_decimals(&mut fields), read_thresholds(&mut fields))
    } else {
        (Some(None), Some(Unit::None), Some(None), Some(Vec::new()))
    };
    let every = source.iter().flatten().next().map_or(DEFAULT_EVERY, |source| source.every);
    // A unit that is wrong must not be the cause of further errors.
    let context = ReadContext { every, unit: unit.as_ref().unwrap_or(&Unit::Percent), inputs };
    let options = (kind.read)(&mut fields, &context);
    reject_page_keys(&mut fields, "a panel");
    fields.finish();

    let (id, span) = (id?, span?.and_then(|span| u8::try_from(span).ok()));
    let panel = PanelSettings {
        id: id.value,
        title: title.map(|title| title.value).unwrap_or_default(),
        kind,
        options: options?,
        span: span.unwrap_or(kind.default_span),
        source: source?,
        unit: unit?,
        decimals: decimals?,
        thresholds: thresholds?,
    };
    Some(Located { value: panel, location: id.location })
}

/// For how long a panel's numbers are kept; without it, for as long as the page says.
#[expect(clippy::option_option, reason = "wrong, absent and present are three different answers")]
fn read_keep(fields: &mut Fields<'_>) -> Option<Option<Duration>> {
    fields.optional("keep", None, |fields, key| {
        let (location, node) = (fields.key_location(key)?, fields.take(key)?);
        if matches!(node.value, ConfigValue::Boolean(_)) {
            let help = "move it to the top of the file, above the first `[[input]]` and `[[panel]]`, or say for how long this \
                        panel's numbers are kept: `keep = \"30d\"`";
            fields.sink.report(&location, "`keep` with `true` or `false` is the page's, and stands among a panel's keys", help);
            return None;
        }
        node.into_duration(key, KEEP_RANGE, fields.sink).map(|keep| Some(keep.value))
    })
}

/// Reports keys that belong to the page: what stands below a heading belongs to that.
pub(crate) fn reject_page_keys(fields: &mut Fields<'_>, of: &str) {
    for key in PAGE_KEYS {
        let message = format!("`{key}` is the page's, and stands among the keys of {of}");
        fields.reject(key, &message, "move it to the top of the file, above the first `[[input]]` and `[[panel]]`");
    }
}

/// `kind = "stat"`, gauge, … or text.
fn list_kinds() -> String {
    let words: Vec<_> = PANEL_KINDS.iter().map(|kind| kind.word).collect();
    match words.as_slice() {
        [first, others @ .., last] => format!("`kind = \"{first}\"`, {} or {last}", others.join(", ")),
        words => words.concat(),
    }
}

/// Reports keys that belong to panels of other kinds.
fn reject_keys_of_other_kinds(fields: &mut Fields<'_>, kind: &PanelKind) {
    for key in kind_specific_keys().filter(|key| !kind.has_key(key)) {
        let owners = PANEL_KINDS.iter().filter(|other| other.has_key(key)).map(|other| format!("`{}`", other.word)).join(", ");
        fields.reject(
            key,
            &format!("a panel of kind `{}` has no `{key}`", kind.word),
            &format!("`{key}` belongs to the kinds {owners}: take it out, or change the `kind`"),
        );
    }
}

fn require_source(fields: &Fields<'_>, titled: bool) {
    if !titled {
        fields.report_missing("title", "give the panel a heading: `title = \"CPU\"`");
    }
    fields.require("source", "say what is asked: `source = \"host\"`, `\"clock\"`, or one of the sources in Rocket.toml");
    fields.require("query", "say what it is asked: `query = \"cpu.total\"`");
}

/// The id as written, or derived from the title, or the kind's word where there need not be a title.
fn read_id(fields: &mut Fields<'_>, title: Option<&Located<String>>, kind: &PanelKind) -> Option<Located<PanelId>> {
    if fields.key_location("id").is_some() {
        return fields.parsed("id");
    }
    fields.take("id");
    if let Some(title) = title {
        let id = PanelId::from_title(&title.value);
        if id.is_none() {
            let message = format!("no id can be made from the title {}", quote(&title.value));
            fields.sink.report(&title.location, message, "give the panel one: `id = \"cpu\"`");
        }
        return id.map(|value| Located { value, location: title.location.clone() });
    }
    if kind.has_source {
        return None;
    }
    kind.word.parse().ok().map(|value| Located { value, location: fields.location.clone() })
}

fn read_source(fields: &mut Fields<'_>) -> Option<PanelSource> {
    let source = fields.parsed::<SourceName>("source");
    let query = fields.located_string("query");
    let every = fields
        .optional("every", DEFAULT_EVERY, |fields, key| fields.duration(key, MIN_EVERY..=MAX_EVERY).map(|every| every.value));
    let stale_after = read_stale_after(fields, every.unwrap_or(DEFAULT_EVERY));
    let keep = read_keep(fields);
    let (source, query) = (source?, query?);
    Some(PanelSource {
        source_span: span(&source.location),
        query_span: span(&query.location),
        source: source.value,
        query: query.value,
        every: every?,
        stale_after: stale_after?,
        keep: keep?,
    })
}

fn span(location: &SourceLocation) -> std::ops::Range<usize> {
    location.span().unwrap_or_default()
}

fn read_stale_after(fields: &mut Fields<'_>, every: Duration) -> Option<Duration> {
    let default = (every * STALE_AFTER_MISSES).max(MIN_DEFAULT_STALE);
    fields.optional("stale_after", default, |fields, key| {
        let stale = fields.duration(key, MIN_EVERY..=MAX_STALE)?;
        if stale.value < every {
            let message = "`stale_after` is shorter than `every`, so every reading would be late";
            fields.sink.report(&stale.location, message, "write several times what `every` says, or leave it out");
            return None;
        }
        Some(stale.value)
    })
}

fn read_unit(fields: &mut Fields<'_>) -> Option<Unit> {
    let Some(text) = fields.optional("unit", None, |fields, key| fields.located_string(key).map(Some))? else {
        return Some(Unit::None);
    };
    if let Some((_, unit)) = UNITS.iter().find(|(word, _)| *word == text.value) {
        return Some(unit.clone());
    }
    if let Some((word, _)) = UNITS.iter().find(|(word, _)| is_slip_for(&text.value, word)) {
        let help = format!("did you mean `{word}`? A unit of your own must not look like one of these");
        fields.sink.report(&text.location, format!("`unit` is {}, which is none of the known units", quote(&text.value)), help);
        return None;
    }
    if text.value.chars().count() > MAX_UNIT_CHARS {
        let help = format!("write at most {MAX_UNIT_CHARS} characters");
        fields.sink.report(&text.location, format!("the unit {} is too long", quote(&text.value)), help);
        return None;
    }
    Some(Unit::Other(text.value))
}

/// Whether a unit is written with one slip of the pen.
fn is_slip_for(written: &str, unit: &str) -> bool {
    strsim::damerau_levenshtein(&written.to_lowercase(), unit) <= 1
}

#[expect(clippy::option_option, reason = "wrong, absent and present are three different answers")]
fn read_decimals(fields: &mut Fields<'_>) -> Option<Option<u8>> {
    fields
        .optional("decimals", None, |fields, key| fields.integer(key, 0..=MAX_DECIMALS).map(|digits| u8::try_from(digits).ok()))
}

fn read_thresholds(fields: &mut Fields<'_>) -> Option<Vec<Threshold>> {
    let sink = fields.sink;
    let Some(list) = fields.optional("thresholds", None, |fields, key| fields.array(key).map(Some))? else {
        return Some(Vec::new());
    };
    if list.value.len() > MAX_THRESHOLDS {
        let message = format!("`thresholds` has {} of them", list.value.len());
        sink.report(&list.location, message, format!("{MAX_THRESHOLDS} are the most"));
        return None;
    }
    let count = list.value.len();
    let thresholds: Vec<_> = list
        .value
        .into_iter()
        .filter_map(|node| read_threshold(node.into_table(ValueName::ItemOf("thresholds"), sink)?))
        .collect();
    (thresholds.len() == count && in_order(&thresholds, sink))
        .then(|| thresholds.into_iter().map(|threshold| threshold.value).collect())
}

fn read_threshold(mut fields: Fields<'_>) -> Option<Located<Threshold>> {
    fields.require("at", "say from which value on: `{ at = 80, state = \"warn\" }`");
    fields.require("state", "say what it means: `{ at = 80, state = \"warn\" }`");
    let location = fields.location.clone();
    let at = fields.float("at");
    let state = fields.enumeration("state", &STATES);
    let below = fields.optional("below", false, Fields::boolean);
    fields.finish();
    Some(Located { value: Threshold { at: at?.value, state: state?.value, below: below? }, location })
}

/// Checks that of two thresholds on the same side, the further one is the worse one: the worst state reached counts,
/// so the other could never be seen.
fn in_order(thresholds: &[Located<Threshold>], sink: &DiagnosticSink) -> bool {
    let mut valid = true;
    for (index, threshold) in thresholds.iter().enumerate() {
        let (Threshold { at, state, below }, location) = (threshold.value, &threshold.location);
        let hidden_by = thresholds.iter().enumerate().find(|(other_index, other)| {
            let other = &other.value;
            let sooner = if below { other.at > at } else { other.at < at };
            #[expect(clippy::float_cmp, reason = "the very same number written twice")]
            let same = other.at == at && (*other_index < index || other.state > state);
            other.below == below && other.state >= state && (sooner || same)
        });
        if let Some((_, other)) = hidden_by {
            let word = |state: HealthState| STATES.iter().find(|(_, s)| *s == state).map_or("", |(word, _)| *word);
            let message = format!(
                "`{}` at {at} could never be seen, because `{}` begins at {} already",
                word(state),
                word(other.value.state),
                other.value.at
            );
            sink.report(location, message, "put the worse state further out, and each state once");
            valid = false;
        }
    }
    valid
}
