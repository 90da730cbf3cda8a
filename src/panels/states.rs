use std::collections::VecDeque;

use super::digits::{self, UNKNOWN};
use super::mismatch::Mismatch;
use super::unit::Format;
use super::view::{Mark, StateRow, StatesView};
use super::{MOST_ROWS, words};
use crate::config::PanelSettings;
use crate::domain::{HealthState, LabelledState, Reading, Threshold};

/// How many beats of each thing are kept: what fits beside its name.
pub const BEATS: usize = 44;

/// Things, how each is doing, and how it was.
#[derive(Debug)]
pub(super) struct States {
    format: Format,
    thresholds: Vec<Threshold>,
    title: String,
    things: Vec<Thing>,
}

/// A thing and its last beats, oldest first.
#[derive(Debug)]
struct Thing {
    label: String,
    beats: VecDeque<HealthState>,
}

impl States {
    pub(super) fn new(settings: &PanelSettings) -> Self {
        Self {
            format: Format::of(settings),
            thresholds: settings.thresholds.clone(),
            title: settings.title.clone(),
            things: Vec::new(),
        }
    }

    /// Every reading is one beat of each of its things.
    pub(super) fn view(&mut self, reading: &Reading) -> Result<StatesView, Mismatch> {
        match reading {
            Reading::States(states) => Ok(self.beat(states.len(), states.iter().map(given))),
            Reading::Numbers(_) | Reading::Number(_) if self.thresholds.is_empty() => Err(Mismatch::NoThresholds),
            Reading::Numbers(numbers) => {
                let (thresholds, format) = (self.thresholds.clone(), self.format.clone());
                let rows = numbers.iter().map(|n| (n.label.as_str(), judged(&thresholds, &format, n.value)));
                Ok(self.beat(numbers.len(), rows))
            }
            Reading::Number(value) => {
                let row = judged(&self.thresholds, &self.format, *value);
                let title = self.title.clone();
                Ok(self.beat(1, [(title.as_str(), row)].into_iter()))
            }
            _ => Err(Mismatch::kind("a states panel", "states or numbers", reading)),
        }
    }

    fn beat<'a>(&mut self, count: usize, rows: impl Iterator<Item = (&'a str, Now)>) -> StatesView {
        let mut before = std::mem::take(&mut self.things);
        self.things.reserve(count.min(MOST_ROWS));
        let rows = rows
            .take(MOST_ROWS)
            .enumerate()
            .map(|(at, (label, now))| {
                let label = words::cut(label);
                let mut beats = take_beats(&mut before, at, &label);
                if beats.len() == BEATS {
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
                self.things.push(Thing { label, beats });
                row
            })
            .collect();
        StatesView { rows, more: count.saturating_sub(MOST_ROWS) }
    }
}

/// How a thing is doing in this reading.
struct Now {
    mark: Mark,
    note: Option<String>,
}

fn given(thing: &LabelledState) -> (&str, Now) {
    let mark = Mark { state: thing.state, word: words::of_thing(thing.state).to_owned() };
    (&thing.label, Now { mark, note: thing.note.as_deref().map(words::cut) })
}

fn judged(thresholds: &[Threshold], format: &Format, value: f64) -> Now {
    let unknown = || Mark { state: HealthState::Unknown, word: words::of_thing(HealthState::Unknown).to_owned() };
    Now { mark: words::mark(thresholds, value).unwrap_or_else(unknown), note: Some(format.text(value)) }
}

/// The beats of the thing of this label, most likely in the same place as before. What is taken is not found
/// again, so of two things with one label each keeps its own.
fn take_beats(before: &mut [Thing], at: usize, label: &str) -> VecDeque<HealthState> {
    let is_it = |thing: &Thing| thing.label == label && !thing.beats.is_empty();
    let found = match before.get(at) {
        Some(thing) if is_it(thing) => Some(at),
        _ => before.iter().position(is_it),
    };
    found.map(|at| std::mem::take(&mut before[at].beats)).unwrap_or_default()
}

/// The share of beats that were not bad, of those anyone could tell.
fn uptime(beats: &VecDeque<HealthState>) -> String {
    let known = beats.iter().filter(|beat| **beat != HealthState::Unknown).count();
    let bad = beats.iter().filter(|beat| **beat == HealthState::Bad).count();
    if known == 0 {
        return UNKNOWN.to_owned();
    }
    if bad == 0 {
        return "100 %".to_owned();
    }
    #[expect(clippy::cast_precision_loss, reason = "at most BEATS")]
    let share = (known - bad) as f64 / known as f64 * 100.0;
    format!("{} %", digits::written(share, u8::from(bad < known), false))
}
