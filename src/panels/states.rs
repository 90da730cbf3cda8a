//! `states`: up or down, for each of several things, with the last beats of each.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::digits::{self, NO_VALUE};
use super::kind::{KindOptions, PanelKind, PanelSettings, PanelState, Past, read_view};
use super::mismatch::{ReadingMismatch, STATES_OR_NUMBERS};
use super::rendered::{Render, Rendered};
use super::unit::NumberFormat;
use super::view::{MAX_ROWS, StateMark, View, is_zero};
use super::words;
use crate::domain::{Bindings, HealthState, History, LabelledNumber, LabelledState, Reading, Threshold};

pub(super) static KIND: PanelKind = PanelKind::new("states", 6, read_view::<StatesView>, |_, _| Some(Arc::new(StatesOptions)));

/// The most states of each thing that are kept and shown: as many as fit beside its name.
const MAX_BEATS: usize = 44;

#[derive(Debug)]
struct StatesOptions;

impl KindOptions for StatesOptions {
    fn state(&self, panel: &PanelSettings, _: &Bindings) -> Box<dyn PanelState> {
        let states = StatesPanel {
            format: NumberFormat::for_panel(panel),
            thresholds: panel.thresholds.clone(),
            title: panel.title.clone(),
            histories: Vec::new(),
        };
        Rendered::boxed(panel.kind, states)
    }

    fn past(&self) -> Past {
        Past { window: None, readings: MAX_BEATS }
    }
}

/// Things that are watched, each with its state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StatesView {
    /// The things, in order.
    rows: Vec<StateRow>,
    /// The number beyond those shown.
    #[serde(default, skip_serializing_if = "is_zero")]
    more: usize,
    /// The mark of the worst, where that needs a look.
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<StateMark>,
}

/// A thing that is watched, and its state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StateRow {
    /// The thing's name.
    label: String,
    /// Its state now: `up`, `down`, `warning`, `unknown`, or the word of a threshold.
    mark: StateMark,
    /// A few words beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// Its states so far, oldest first, at most [`MAX_BEATS`].
    beats: Vec<HealthState>,
    /// The share of beats that were not bad, of those that are known: `97.7 %`.
    uptime: String,
}

impl View for StatesView {
    fn mark(&self) -> Option<&StateMark> {
        self.mark.as_ref()
    }
}

/// Things that are watched, with their states now and before.
#[derive(Debug)]
struct StatesPanel {
    format: NumberFormat,
    thresholds: Vec<Threshold>,
    title: String,
    histories: Vec<StateHistory>,
}

/// The last states of one thing, oldest first.
#[derive(Debug)]
struct StateHistory {
    label: String,
    beats: VecDeque<HealthState>,
}

impl Render for StatesPanel {
    type View = StatesView;

    /// The view of a reading, which adds one beat to each of its things.
    fn render(&mut self, reading: &Reading, _: &History) -> Result<StatesView, ReadingMismatch> {
        if let Some(states) = reading.labelled_states() {
            let mark = words::worst_mark(states.iter().map(|thing| (thing.state, words::state_word(thing.state))));
            return Ok(self.record(states.len(), states.iter().map(from_state), mark));
        }
        let wrong_kind = || ReadingMismatch::wrong_kind("a states panel", STATES_OR_NUMBERS, reading);
        let numbers = reading.labelled_numbers().ok_or_else(wrong_kind)?;
        if self.thresholds.is_empty() {
            return Err(ReadingMismatch::NoThresholds);
        }
        let (thresholds, format, title) = (self.thresholds.clone(), self.format.clone(), self.title.clone());
        // A lone number is of what the panel's title names.
        let label = |number: &LabelledNumber| if number.label.is_empty() { title.clone() } else { number.label.clone() };
        let labels: Vec<_> = numbers.iter().map(label).collect();
        let rows = numbers.iter().zip(&labels).map(|(number, label)| {
            let row = from_number(&thresholds, &format, number.value);
            (label.as_str(), row)
        });
        let mark = words::worst_mark(numbers.iter().filter_map(|number| words::judge(&thresholds, number.value)));
        Ok(self.record(numbers.len(), rows, mark))
    }
}

impl StatesPanel {
    fn record<'a>(
        &mut self,
        count: usize,
        rows: impl Iterator<Item = (&'a str, CurrentState)>,
        mark: Option<StateMark>,
    ) -> StatesView {
        let mut before = std::mem::take(&mut self.histories);
        self.histories.reserve(count.min(MAX_ROWS));
        let rows = rows
            .take(MAX_ROWS)
            .enumerate()
            .map(|(at, (label, now))| {
                let label = words::truncate(label);
                let mut beats = take_beats(&mut before, at, &label);
                if beats.len() == MAX_BEATS {
                    beats.pop_front();
                }
                beats.push_back(now.mark.state);
                let row = StateRow {
                    label: label.clone(),
                    mark: now.mark,
                    note: now.note,
                    beats: beats.iter().copied().collect(),
                    uptime: uptime(&beats),
                };
                self.histories.push(StateHistory { label, beats });
                row
            })
            .collect();
        StatesView { rows, more: count.saturating_sub(MAX_ROWS), mark }
    }
}

/// The state of a thing in this reading.
struct CurrentState {
    mark: StateMark,
    note: Option<String>,
}

fn from_state(thing: &LabelledState) -> (&str, CurrentState) {
    let mark = StateMark { state: thing.state, word: words::state_word(thing.state).to_owned() };
    (&thing.label, CurrentState { mark, note: thing.note.as_deref().map(words::truncate) })
}

fn from_number(thresholds: &[Threshold], format: &NumberFormat, value: f64) -> CurrentState {
    let unknown = || StateMark { state: HealthState::Unknown, word: words::state_word(HealthState::Unknown).to_owned() };
    CurrentState { mark: words::threshold_mark(thresholds, value).unwrap_or_else(unknown), note: Some(format.text(value)) }
}

/// Takes the beats of the thing with this label, most likely in the same place as before. What is taken is not found
/// again, so of two things with one label each keeps its own.
fn take_beats(before: &mut [StateHistory], at: usize, label: &str) -> VecDeque<HealthState> {
    let is_it = |thing: &StateHistory| thing.label == label && !thing.beats.is_empty();
    let found = match before.get(at) {
        Some(thing) if is_it(thing) => Some(at),
        _ => before.iter().position(is_it),
    };
    found.map(|at| std::mem::take(&mut before[at].beats)).unwrap_or_default()
}

/// The share of beats that were not bad, of those that are known.
fn uptime(beats: &VecDeque<HealthState>) -> String {
    let known = beats.iter().filter(|beat| **beat != HealthState::Unknown).count();
    let bad = beats.iter().filter(|beat| **beat == HealthState::Bad).count();
    if known == 0 {
        return NO_VALUE.to_owned();
    }
    if bad == 0 {
        return "100 %".to_owned();
    }
    #[expect(clippy::cast_precision_loss, reason = "at most MAX_BEATS")]
    let share = (known - bad) as f64 / known as f64 * 100.0;
    format!("{} %", digits::format_fixed(share, u8::from(bad < known), false))
}
