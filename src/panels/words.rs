//! The words for states and thresholds, and truncation of long texts.

use super::unit::NumberFormat;
use super::view::StateMark;
use crate::domain::{HealthState, Threshold};

/// The most characters of a label, a cell or a note that are shown. More would not be read on a board, and a source that
/// sends whole documents must not grow what every viewer gets.
pub(super) const MAX_CHARS: usize = 200;

/// The text, cut off behind [`MAX_CHARS`] characters.
pub(super) fn truncate(text: &str) -> String {
    // A text of so few bytes cannot have too many characters.
    if text.len() <= MAX_CHARS {
        return text.to_owned();
    }
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Whether a text looks as if it had been cut.
pub(super) fn is_truncated(text: &str) -> bool {
    text.strip_suffix('…').is_some_and(|kept| kept.chars().count() == MAX_CHARS)
}

/// The state of `value` by `thresholds`, and its word; `None` when there are no thresholds.
pub(super) fn threshold_mark(thresholds: &[Threshold], value: f64) -> Option<StateMark> {
    judge(thresholds, value).map(|(state, word)| StateMark { state, word: word.to_owned() })
}

/// The state of `value` by `thresholds`, and the word for it; `None` when there are no thresholds.
pub(super) fn judge(thresholds: &[Threshold], value: f64) -> Option<(HealthState, &'static str)> {
    let state = Threshold::evaluate(thresholds, value)?;
    let word = match state {
        HealthState::Good => "ok",
        HealthState::Warn if thresholds.iter().any(|t| t.state == state && t.below && value <= t.at) => "low",
        HealthState::Warn => "high",
        HealthState::Bad => "critical",
        HealthState::Unknown => "unknown",
    };
    Some((state, word))
}

/// The mark of a panel that shows several things, by the states of all of them: the worst, and how many have it where that is more
/// than one: `critical`, `3 critical`. `None` where nothing needs a look.
pub(super) fn worst_mark<'a>(states: impl IntoIterator<Item = (HealthState, &'a str)>) -> Option<StateMark> {
    let mut worst: Option<(HealthState, &str, usize)> = None;
    for (state, word) in states.into_iter().filter(|(state, _)| state.needs_a_look()) {
        worst = match worst {
            Some((found, first, count)) if found == state => Some((state, first, count + 1)),
            Some(found) if found.0 > state => Some(found),
            _ => Some((state, word, 1)),
        };
    }
    let (state, word, count) = worst?;
    Some(StateMark { state, word: if count == 1 { word.to_owned() } else { format!("{count} {word}") } })
}

/// The word for a thing in this state.
pub(super) fn state_word(state: HealthState) -> &'static str {
    match state {
        HealthState::Good => "up",
        HealthState::Warn => "warning",
        HealthState::Bad => "down",
        HealthState::Unknown => "unknown",
    }
}

/// The word for a state in a table's cell.
pub(super) fn cell_word(state: HealthState) -> &'static str {
    match state {
        HealthState::Good => "ok",
        HealthState::Warn => "warning",
        HealthState::Bad => "bad",
        HealthState::Unknown => "unknown",
    }
}

/// The thresholds in words, mildest first: `warns at 80 %, bad at 95 %`.
pub(super) fn describe_thresholds(thresholds: &[Threshold], format: &NumberFormat) -> Option<String> {
    if thresholds.is_empty() {
        return None;
    }
    let mut sorted: Vec<_> = thresholds.iter().collect();
    sorted.sort_by_key(|threshold| threshold.state);
    let rules: Vec<_> = sorted
        .into_iter()
        .map(|threshold| {
            let verb = match threshold.state {
                HealthState::Good => "good",
                HealthState::Warn => "warns",
                HealthState::Bad => "bad",
                HealthState::Unknown => "unknown",
            };
            let bound = format.minimal_text(threshold.at);
            let or_less = if threshold.below { " or less" } else { "" };
            format!("{verb} at {bound}{or_less}")
        })
        .collect();
    Some(rules.join(", "))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::panels::settings::Unit;

    const LOAD: [Threshold; 2] = [
        Threshold { at: 95.0, state: HealthState::Bad, below: false },
        Threshold { at: 80.0, state: HealthState::Warn, below: false },
    ];

    const LEFT: [Threshold; 2] = [
        Threshold { at: 14.0, state: HealthState::Warn, below: true },
        Threshold { at: 3.0, state: HealthState::Bad, below: true },
    ];

    #[test]
    fn a_judgement_never_stands_without_its_word() {
        let word = |thresholds: &[Threshold], value| threshold_mark(thresholds, value).map(|mark| mark.word);
        assert_eq!(word(&LOAD, 50.0).unwrap(), "ok");
        assert_eq!(word(&LOAD, 80.0).unwrap(), "high");
        assert_eq!(word(&LOAD, 95.0).unwrap(), "critical");
        assert_eq!(word(&LOAD, f64::NAN).unwrap(), "unknown");
        assert_eq!(word(&LEFT, 14.0).unwrap(), "low");
        assert_eq!(word(&LEFT, 3.0).unwrap(), "critical");
        assert_eq!(word(&[], 3.0), None);
    }

    #[test]
    fn a_value_between_two_bounds_is_low_or_high_by_the_one_it_crossed() {
        let room = [
            Threshold { at: 15.0, state: HealthState::Warn, below: true },
            Threshold { at: 30.0, state: HealthState::Warn, below: false },
        ];
        assert_eq!(threshold_mark(&room, 10.0).unwrap().word, "low");
        assert_eq!(threshold_mark(&room, 20.0).unwrap().word, "ok");
        assert_eq!(threshold_mark(&room, 31.0).unwrap().word, "high");
    }

    #[test]
    fn several_things_have_the_mark_of_the_worst_and_how_many_that_are() {
        let mark = |values: &[f64]| worst_mark(values.iter().filter_map(|value| judge(&LOAD, *value))).map(|mark| mark.word);
        assert_eq!(mark(&[]), None);
        assert_eq!(mark(&[1.0, f64::NAN]), None, "what nobody knows is no alarm");
        assert_eq!(mark(&[1.0, 80.0]).unwrap(), "high");
        assert_eq!(mark(&[80.0, 96.0, 81.0]).unwrap(), "critical");
        assert_eq!(mark(&[97.0, 80.0, 96.0]).unwrap(), "2 critical");
    }

    #[test]
    fn thresholds_are_put_into_words_mildest_first() {
        let percent = NumberFormat::new(Unit::Percent, None);
        assert_eq!(describe_thresholds(&LOAD, &percent).unwrap(), "warns at 80 %, bad at 95 %");
        let days = NumberFormat::new(Unit::Other("days".into()), None);
        assert_eq!(describe_thresholds(&LEFT, &days).unwrap(), "warns at 14 days or less, bad at 3 days or less");
        assert_eq!(describe_thresholds(&[], &days), None);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let long = "ö".repeat(MAX_CHARS + 1);
        assert_eq!(truncate(&long), format!("{}…", "ö".repeat(MAX_CHARS)));
        let fits = "ö".repeat(MAX_CHARS);
        assert_eq!(truncate(&fits), fits);
        assert!(is_truncated(&truncate(&long)) && !is_truncated(&fits) && !is_truncated("wait…"));
    }
}
