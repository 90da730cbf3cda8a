use std::time::Duration;

use super::super::diagnostic::SourceLocation;
use super::super::hints::shown;
use super::super::page::{Input, PanelSettings, PanelSource, Unit};
use super::super::reader::{Fields, Ledger, Placed};
use super::kind::{KINDS, Kind, PARTICULAR};
use crate::domain::{HealthState, PanelId, SourceName, Threshold};

/// Batches go out ten times a second; asking more often than that would be seen by nobody.
pub(super) const SHORTEST_EVERY: Duration = Duration::from_millis(100);

/// A page is live. What changes less than once a day has no need to be asked again.
const LONGEST_EVERY: Duration = Duration::from_hours(24);

/// Slow enough for any source, quick enough to be called live.
const DEFAULT_EVERY: Duration = Duration::from_secs(5);

/// A reading is late when this many in a row have failed to come …
const STALE_AFTER_MISSES: u32 = 3;

/// … but a hiccup shorter than this is no news.
const SHORTEST_DEFAULT_STALE: Duration = Duration::from_secs(5);

/// Nobody waits longer than a month to hear that a value is old.
pub(super) const LONGEST_STALE: Duration = Duration::from_hours(24 * 30);

/// Digits behind the point; a double has no more than this many worth showing.
const MOST_DECIMALS: i64 = 9;

/// A unit longer than this is a sentence.
const LONGEST_UNIT: usize = 20;

/// Good, warn, bad, from both sides, with room to spare.
const MOST_THRESHOLDS: usize = 10;

const UNITS: [(&str, Unit); 6] = [
    ("percent", Unit::Percent),
    ("bytes", Unit::Bytes),
    ("bytes/s", Unit::BytesPerSecond),
    ("bits/s", Unit::BitsPerSecond),
    ("seconds", Unit::Seconds),
    ("celsius", Unit::Celsius),
];

const STATES: [(&str, HealthState); 3] =
    [("good", HealthState::Good), ("warn", HealthState::Warn), ("bad", HealthState::Bad)];

/// A `[[panel]]`, at the place of its id or, without one, of its title. `None` when something is wrong with it.
pub(super) fn read_panel(mut fields: Fields<'_>, inputs: &[Input]) -> Option<Placed<PanelSettings>> {
    fields.needs("kind", "say how it is shown: `kind = \"stat\"`, gauge, line, area, bar, table, states or text");
    let kind = fields.word("kind", &KINDS);
    let written_title = fields.key_place("title").is_some();
    let title = fields.placed_text("title");
    let span = fields.or("span", None, |fields, key| fields.whole(key, 1..=12).map(Some));
    let Some(Placed { value: kind, .. }) = kind else {
        // Without its kind nobody can tell which of the other keys are right.
        fields.take("id");
        fields.leave(&PARTICULAR.map(|(key, _)| key));
        fields.finish();
        return None;
    };
    if kind != Kind::Text {
        fields_need_source(&fields, written_title);
    }
    let id = read_id(&mut fields, title.as_ref(), kind);
    kind.refuse_others(&mut fields);
    let (source, unit, decimals, thresholds) = if kind == Kind::Text {
        (Some(None), Some(Unit::None), Some(None), Some(Vec::new()))
    } else {
        (
            read_source(&mut fields).map(Some),
            read_unit(&mut fields),
            read_decimals(&mut fields),
            read_thresholds(&mut fields),
        )
    };
    let every = source.iter().flatten().next().map_or(DEFAULT_EVERY, |source| source.every);
    let shape = kind.read(&mut fields, every, unit.as_ref().unwrap_or(&Unit::Percent), inputs);
    fields.finish();

    let (id, span) = (id?, span?.unwrap_or(kind.default_span()));
    let panel = PanelSettings {
        id: id.value,
        title: title.map(|title| title.value).unwrap_or_default(),
        kind: shape?,
        span: u8::try_from(span).ok()?,
        source: source?,
        unit: unit?,
        decimals: decimals?,
        thresholds: thresholds?,
    };
    Some(Placed { value: panel, place: id.place })
}

fn fields_need_source(fields: &Fields<'_>, titled: bool) {
    if !titled {
        fields.missing("title", "give the panel a heading: `title = \"CPU\"`");
    }
    fields.needs("source", "say what is asked: `source = \"host\"`, `\"clock\"`, or one of the sources in Rocket.toml");
    fields.needs("query", "say what it is asked: `query = \"cpu.total\"`");
}

/// The id as written, or made from the title.
fn read_id(fields: &mut Fields<'_>, title: Option<&Placed<String>>, kind: Kind) -> Option<Placed<PanelId>> {
    if fields.key_place("id").is_some() {
        return fields.parsed("id");
    }
    fields.take("id");
    if let Some(title) = title {
        let id = PanelId::from_title(&title.value);
        if id.is_none() {
            let message = format!("no id can be made from the title {}", shown(&title.value));
            fields.ledger.note(&title.place, message, "give the panel one: `id = \"cpu\"`");
        }
        return id.map(|value| Placed { value, place: title.place.clone() });
    }
    if kind == Kind::Text {
        return kind.word().parse().ok().map(|value| Placed { value, place: fields.place.clone() });
    }
    None
}

fn read_source(fields: &mut Fields<'_>) -> Option<PanelSource> {
    let source = fields.parsed::<SourceName>("source");
    let query = fields.placed_text("query");
    let every = fields.or("every", DEFAULT_EVERY, |fields, key| {
        fields.duration(key, SHORTEST_EVERY..=LONGEST_EVERY).map(|every| every.value)
    });
    let stale_after = read_stale_after(fields, every.unwrap_or(DEFAULT_EVERY));
    let (source, query) = (source?, query?);
    Some(PanelSource {
        source_span: span(&source.place),
        query_span: span(&query.place),
        source: source.value,
        query: query.value,
        every: every?,
        stale_after: stale_after?,
    })
}

fn span(place: &SourceLocation) -> std::ops::Range<usize> {
    place.span().unwrap_or_default()
}

fn read_stale_after(fields: &mut Fields<'_>, every: Duration) -> Option<Duration> {
    let default = (every * STALE_AFTER_MISSES).max(SHORTEST_DEFAULT_STALE);
    fields.or("stale_after", default, |fields, key| {
        let stale = fields.duration(key, SHORTEST_EVERY..=LONGEST_STALE)?;
        if stale.value < every {
            let message = "`stale_after` is shorter than `every`, so every reading would be late";
            fields.ledger.note(&stale.place, message, "write several times what `every` says, or leave it out");
            return None;
        }
        Some(stale.value)
    })
}

fn read_unit(fields: &mut Fields<'_>) -> Option<Unit> {
    let Some(text) = fields.or("unit", None, |fields, key| fields.placed_text(key).map(Some))? else {
        return Some(Unit::None);
    };
    if let Some((_, unit)) = UNITS.iter().find(|(word, _)| *word == text.value) {
        return Some(unit.clone());
    }
    if text.value.chars().count() > LONGEST_UNIT {
        let help = format!("write at most {LONGEST_UNIT} characters");
        fields.ledger.note(&text.place, format!("the unit {} is too long", shown(&text.value)), help);
        return None;
    }
    Some(Unit::Other(text.value))
}

#[expect(clippy::option_option, reason = "wrong, absent and present are three different answers")]
fn read_decimals(fields: &mut Fields<'_>) -> Option<Option<u8>> {
    fields.or("decimals", None, |fields, key| {
        fields.whole(key, 0..=MOST_DECIMALS).map(|digits| u8::try_from(digits).ok())
    })
}

fn read_thresholds(fields: &mut Fields<'_>) -> Option<Vec<Threshold>> {
    let ledger = fields.ledger;
    let Some(list) = fields.or("thresholds", None, |fields, key| fields.list(key).map(Some))? else {
        return Some(Vec::new());
    };
    if list.value.len() > MOST_THRESHOLDS {
        let message = format!("`thresholds` has {} of them", list.value.len());
        ledger.note(&list.place, message, format!("{MOST_THRESHOLDS} are the most"));
        return None;
    }
    let written = list.value.len();
    let thresholds: Vec<_> =
        list.value.into_iter().filter_map(|node| read_threshold(node.table("thresholds", ledger)?)).collect();
    (thresholds.len() == written && in_order(&thresholds, ledger))
        .then(|| thresholds.into_iter().map(|threshold| threshold.value).collect())
}

fn read_threshold(mut fields: Fields<'_>) -> Option<Placed<Threshold>> {
    fields.needs("at", "say from which value on: `{ at = 80, state = \"warn\" }`");
    fields.needs("state", "say what it means: `{ at = 80, state = \"warn\" }`");
    let place = fields.place.clone();
    let at = fields.real("at");
    let state = fields.word("state", &STATES);
    let below = fields.or("below", false, Fields::truth);
    fields.finish();
    Some(Placed { value: Threshold { at: at?.value, state: state?.value, below: below? }, place })
}

/// Of two thresholds on the same side, the further one must be the worse one: the worst state reached is what counts, so
/// the other could never be seen.
fn in_order(thresholds: &[Placed<Threshold>], ledger: &Ledger) -> bool {
    let mut sound = true;
    for (index, threshold) in thresholds.iter().enumerate() {
        let (Threshold { at, state, below }, place) = (threshold.value, &threshold.place);
        let hidden_by = thresholds.iter().enumerate().find(|(other_index, other)| {
            let other = &other.value;
            let sooner = if below { other.at > at } else { other.at < at };
            #[expect(clippy::float_cmp, reason = "the very same number written twice")]
            let same = other.at == at && *other_index < index;
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
            ledger.note(place, message, "put the worse state further out, and each state once");
            sound = false;
        }
    }
    sound
}
