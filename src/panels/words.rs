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

/// The state of `value` by `thresholds`, and its word; `None` when there are no thresholds.
pub(super) fn threshold_mark(thresholds: &[Threshold], value: f64) -> Option<StateMark> {
    let state = Threshold::evaluate(thresholds, value)?;
    let word = match state {
        HealthState::Good => "ok",
        HealthState::Warn if thresholds.iter().any(|t| t.state == state && t.below && value <= t.at) => "low",
        HealthState::Warn => "high",
        HealthState::Bad => "critical",
        HealthState::Unknown => "unknown",
    };
    Some(StateMark { state, word: word.to_owned() })
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
    }
}
