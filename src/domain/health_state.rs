use serde::{Deserialize, Serialize};

/// The health of something: the only thing colour ever means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthState {
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Needs a hand.
    Bad,
    /// Nobody can tell.
    Unknown,
}

impl HealthState {
    /// The state of something that is up, or is not.
    pub fn of_up(is_up: bool) -> Self {
        if is_up { Self::Good } else { Self::Bad }
    }

    /// The state that a word in a source's answer names, in any case.
    pub fn of_word(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "good" | "ok" | "up" => Some(Self::Good),
            "warn" => Some(Self::Warn),
            "bad" | "down" => Some(Self::Bad),
            "unknown" => Some(Self::Unknown),
            _ => None,
        }
    }

    /// Whether somebody should look at it.
    pub fn needs_a_look(self) -> bool {
        matches!(self, Self::Warn | Self::Bad)
    }
}

/// A value from which on something is in a state: from `at` up, or from `at` down where `below` is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// The value, in the panel's unit.
    pub at: f64,
    /// The state of a value that has reached it.
    pub state: HealthState,
    /// Whether low values are the bad ones (free space, days left).
    pub below: bool,
}

impl Threshold {
    /// The worst state that `value` has reached, or `None` when there are no thresholds to judge it by.
    pub fn evaluate(thresholds: &[Threshold], value: f64) -> Option<HealthState> {
        if thresholds.is_empty() {
            return None;
        }
        if !value.is_finite() {
            return Some(HealthState::Unknown);
        }
        let reached = |t: &&Threshold| if t.below { value <= t.at } else { value >= t.at };
        Some(thresholds.iter().filter(reached).map(|t| t.state).max().unwrap_or(HealthState::Good))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_judged_by_the_worst_threshold_it_reached() {
        let high = |at, state| Threshold { at, state, below: false };
        let load = [high(80.0, HealthState::Warn), high(95.0, HealthState::Bad)];
        assert_eq!(Threshold::evaluate(&load, 79.9), Some(HealthState::Good));
        assert_eq!(Threshold::evaluate(&load, 80.0), Some(HealthState::Warn));
        assert_eq!(Threshold::evaluate(&load, 99.0), Some(HealthState::Bad));
        assert_eq!(Threshold::evaluate(&load, f64::NAN), Some(HealthState::Unknown));
        assert_eq!(Threshold::evaluate(&[], 5.0), None);
        let days_left = [Threshold { at: 14.0, state: HealthState::Warn, below: true }];
        assert_eq!(Threshold::evaluate(&days_left, 3.0), Some(HealthState::Warn));
        assert_eq!(Threshold::evaluate(&days_left, 30.0), Some(HealthState::Good));
    }
}
