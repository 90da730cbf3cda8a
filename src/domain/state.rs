use serde::{Deserialize, Serialize};

/// How something is doing. The only thing colour ever means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Needs a hand.
    Bad,
    /// Nobody can tell.
    Unknown,
}

/// From `at` on (or from `at` down, for a threshold `below`), a value is in `state`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// The value, in the panel's unit.
    pub at: f64,
    /// What it means to have reached it.
    pub state: State,
    /// Whether low values are the bad ones (free space, days left).
    pub below: bool,
}

impl Threshold {
    /// The worst state that `value` has reached, or `None` when there are no thresholds to judge it by.
    pub fn judge(thresholds: &[Threshold], value: f64) -> Option<State> {
        if thresholds.is_empty() {
            return None;
        }
        if !value.is_finite() {
            return Some(State::Unknown);
        }
        let reached = |t: &&Threshold| if t.below { value <= t.at } else { value >= t.at };
        Some(thresholds.iter().filter(reached).map(|t| t.state).max().unwrap_or(State::Good))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_judged_by_the_worst_threshold_it_reached() {
        let high = |at, state| Threshold { at, state, below: false };
        let load = [high(80.0, State::Warn), high(95.0, State::Bad)];
        assert_eq!(Threshold::judge(&load, 79.9), Some(State::Good));
        assert_eq!(Threshold::judge(&load, 80.0), Some(State::Warn));
        assert_eq!(Threshold::judge(&load, 99.0), Some(State::Bad));
        assert_eq!(Threshold::judge(&load, f64::NAN), Some(State::Unknown));
        assert_eq!(Threshold::judge(&[], 5.0), None);
        let days_left = [Threshold { at: 14.0, state: State::Warn, below: true }];
        assert_eq!(Threshold::judge(&days_left, 3.0), Some(State::Warn));
        assert_eq!(Threshold::judge(&days_left, 30.0), Some(State::Good));
    }
}
