//! The bounded past of a query's numbers, which charts draw from.

mod line;
mod window;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use line::round_to_seven_digits;
use window::{WindowExtent, first_number, number, place};

use super::{LabelledNumber, Reading, Series, SeriesLine, Timestamp};

pub use line::HistoryLine;
pub use window::{HistoryCursor, HistoryPoints, HistoryWindow};

/// The most lines: enough for the cores of a large machine; no eye follows more.
pub const MAX_LINES: usize = 128;

/// The most points of a window that a source fills with a series: as many as a chart can be wide, twice.
const MAX_SERIES_POINTS: u32 = 7_200;

/// How far a time of a series may lie after the moment it was told: what is later is left out until then, as a mistaken time would
/// hide all right ones.
const MAX_AHEAD: Duration = Duration::from_mins(1);

/// The past of one query: labelled lines over time, as far back as the longest window that somebody asks for.
///
/// All windows share the points, so each is kept once. Nearly every reading is a point: readings that are less than half an
/// interval apart are averaged. So a window of `n` intervals has at most `2 n + 1` points, whoever pushes however fast, and those
/// that it took over from a shorter interval; of series, which have times of their own, at most 7,200. The 3,600 intervals that a page may ask for and [`MAX_LINES`] lines take 8 MiB when
/// readings come twice as fast as they are asked for; the usual one line takes 64 KiB.
///
/// A line that is missing from a reading goes on with gaps, and leaves when its last point does. Where there was no reading to
/// record, all lines have a gap from then until the next one.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The least time between two points.
    spacing: Duration,
    times: VecDeque<Timestamp>,
    lines: Vec<HistoryLine>,
    windows: Vec<WindowExtent>,
    /// The position behind the newest point.
    cursor: HistoryCursor,
    /// Since when there has been no reading that could be recorded.
    gap: Option<Timestamp>,
    unrecordable: Option<UnrecordableReading>,
    /// The last time of the series that was recorded last: what comes before is not recorded again.
    series_end: Option<Timestamp>,
    /// Whether some value had a fraction.
    has_fractions: bool,
    last_line_id: u64,
}

/// The reason why a reading is no point of any line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnrecordableReading {
    /// It has no numbers.
    NoNumbers,
    /// It has more than [`MAX_LINES`] numbers: this many.
    TooManyLines(usize),
    /// Two of its numbers have this label, and cannot be two lines.
    DuplicateLabel(String),
}

impl History {
    /// A past without windows, of readings that are `every` apart or come faster.
    pub fn new(every: Duration) -> Self {
        Self::default().at_interval(every)
    }

    /// The same past, of readings that are `every` apart from now on.
    #[must_use]
    pub fn at_interval(self, every: Duration) -> Self {
        Self { spacing: (every / 2).max(Duration::from_millis(1)), ..self }
    }

    /// Keeps the points within these windows, and drops all others.
    pub fn keep_windows(&mut self, lengths: &BTreeSet<Duration>) {
        self.windows.retain(|window| lengths.contains(&window.length));
        let first = self.first();
        for length in lengths {
            if !self.windows.iter().any(|window| window.length == *length) {
                self.windows.push(WindowExtent::new(*length, first));
            }
        }
        self.trim();
    }

    /// Whether a window is kept at all.
    pub fn has_windows(&self) -> bool {
        !self.windows.is_empty()
    }

    /// The time of the oldest point.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.times.front().copied()
    }

    /// Records a reading.
    pub fn record(&mut self, at: Timestamp, reading: &Reading) {
        self.unrecordable = None;
        if self.windows.is_empty() {
            self.gap = None;
        } else if let Err(unrecordable) = self.try_record(at, reading) {
            self.record_failure(at);
            self.unrecordable = Some(unrecordable);
        }
    }

    /// Adds the points of a series that are older than all others and within a window: what a source can tell of the time before
    /// it was asked.
    pub fn fill(&mut self, past: &Series) {
        let Some(longest) = self.windows.iter().map(|window| window.length).max() else { return };
        let Some(newest) = self.times.back().or(past.times().last()).copied() else { return };
        let mut next = self.times.front().copied();
        let mut older = Vec::new();
        for (place, at) in past.times().iter().enumerate().rev().take_while(|(_, at)| **at >= newest - longest) {
            if next.is_none_or(|next| *at + self.spacing <= next) {
                older.push((place, *at));
                next = Some(*at);
            }
        }
        if older.is_empty() {
            return;
        }
        self.add_lines_of(past, &older);
        let by_label: HashMap<_, _> = past.lines().iter().map(|line| (line.label.as_str(), line)).collect();
        self.times.reserve(older.len());
        for (_, at) in &older {
            self.times.push_front(*at);
        }
        for line in &mut self.lines {
            let known = by_label.get(line.label.as_str());
            for (place, _) in &older {
                line.values.push_front(known.map_or(f64::NAN, |known| round_to_seven_digits(known.values[*place])));
            }
        }
        let values = past.lines().iter().flat_map(|line| &line.values);
        self.has_fractions |= values.into_iter().any(|value| value.is_finite() && value.fract() != 0.0);
        self.cursor.end += number(older.len());
        self.cursor.generation += 1;
        let first = self.first();
        self.windows.iter_mut().for_each(|window| window.rewind(first));
        self.trim();
    }

    /// The numbers of a reading as points have them, each with a label of its own, of a series the newest; `None` where it has none.
    pub fn numbers_of(reading: &Reading) -> Option<Vec<LabelledNumber>> {
        let numbers = reading.labelled_numbers().filter(|numbers| check_labels(numbers).is_ok())?;
        let point = |number: &LabelledNumber| LabelledNumber {
            label: number.label.clone(),
            value: round_to_seven_digits(number.value),
        };
        Some(numbers.iter().map(point).collect())
    }

    /// Records that there was no reading. The lines have a gap from here to the next one.
    pub fn record_failure(&mut self, at: Timestamp) {
        self.gap.get_or_insert(at);
    }

    /// Why the newest reading is no point of any line.
    pub fn unrecordable(&self) -> Option<&UnrecordableReading> {
        self.unrecordable.as_ref()
    }

    /// The points within the last `length`; `None` when that window is not kept.
    pub fn window(&self, length: Duration) -> Option<HistoryWindow<'_>> {
        let window = self.windows.iter().find(|window| window.length == length)?;
        let Self { times, lines, cursor, has_fractions, .. } = self;
        Some(HistoryWindow { times, lines, cursor: *cursor, window, whole_numbers: !has_fractions })
    }

    fn try_record(&mut self, at: Timestamp, reading: &Reading) -> Result<(), UnrecordableReading> {
        match reading {
            Reading::Numbers(numbers) => self.record_numbers(at, numbers),
            Reading::Number(value) => self.record_numbers(at, &[LabelledNumber { label: String::new(), value: *value }]),
            Reading::Series(series) => self.record_series(&series.up_to(at + MAX_AHEAD)),
            _ => {
                let numbers = reading.labelled_numbers().ok_or(UnrecordableReading::NoNumbers)?;
                self.record_numbers(at, &numbers)
            }
        }
    }

    /// Records what is new in a series that is told again and again.
    fn record_series(&mut self, series: &Series) -> Result<(), UnrecordableReading> {
        if series.lines().len() > MAX_LINES {
            return Err(UnrecordableReading::TooManyLines(series.lines().len()));
        }
        // Its points are as far apart as the source says, however seldom it is asked.
        if let Some(longest) = self.windows.iter().map(|window| window.length).max() {
            self.spacing = self.spacing.min(longest / MAX_SERIES_POINTS).max(Duration::from_millis(1));
        }
        if let Some(changed) = self.first_change(series) {
            self.rewind(changed - Duration::from_millis(1));
        }
        let recorded = self.times.back().copied().map(|newest| self.series_end.map_or(newest, |end| newest.max(end)));
        self.fill(series);
        for (place, at) in series.times().iter().enumerate().filter(|(_, at)| recorded.is_some_and(|end| **at > end)) {
            let number = |line: &SeriesLine| LabelledNumber { label: line.label.clone(), value: line.values[place] };
            self.record_numbers(*at, &series.lines().iter().map(number).collect::<Vec<_>>())?;
        }
        self.series_end = self.series_end.max(series.times().last().copied());
        self.lines.iter_mut().for_each(|line| {
            let known = series.lines().iter().find(|known| known.label == line.label);
            line.latest = known.and_then(|known| known.values.last().copied()).unwrap_or(f64::NAN);
        });
        Ok(())
    }

    /// The first time of a point whose value is told otherwise than it was recorded: the newest one grows while it is summed up.
    /// `None` where the series is denser than points are, which are means then.
    fn first_change(&self, series: &Series) -> Option<Timestamp> {
        if !series.times().windows(2).all(|pair| pair[1] >= pair[0] + self.spacing) {
            return None;
        }
        let lines = series.lines().iter().filter_map(|told| {
            let recorded = self.lines.iter().find(|recorded| recorded.label == told.label)?;
            Some((told, recorded))
        });
        let lines: Vec<_> = lines.collect();
        let differs = |(place, at): &(usize, &Timestamp)| {
            let Ok(point) = self.times.binary_search(at) else { return false };
            lines.iter().any(|(told, recorded)| {
                let (told, recorded) = (round_to_seven_digits(told.values[*place]), recorded.values[point]);
                told.total_cmp(&recorded).is_ne() && (told.is_finite() || recorded.is_finite())
            })
        };
        series.times().iter().enumerate().find(differs).map(|(_, at)| *at)
    }

    fn record_numbers(&mut self, at: Timestamp, numbers: &[LabelledNumber]) -> Result<(), UnrecordableReading> {
        let same_lines = numbers.len() == self.lines.len()
            && numbers.iter().zip(&self.lines).all(|(number, line)| number.label == line.label);
        if !same_lines {
            check_labels(numbers)?;
        }
        self.rewind(at);
        if let Some(since) = self.gap.take().filter(|since| *since < at && self.is_due(*since)) {
            self.add_gap(since);
        }
        if same_lines {
            self.lines.iter_mut().zip(numbers).for_each(|(line, number)| line.record(at, number.value));
        } else {
            self.record_by_label(at, numbers);
        }
        self.has_fractions |= numbers.iter().any(|number| number.value.is_finite() && number.value.fract() != 0.0);
        if self.is_due(at) {
            self.add_point(at);
        }
        self.trim();
        Ok(())
    }

    /// Drops the points after `at`: a clock was set back, and they are not the past any more.
    fn rewind(&mut self, at: Timestamp) {
        self.series_end = self.series_end.min(Some(at));
        let kept = self.times.partition_point(|time| *time <= at);
        if kept == self.times.len() {
            return;
        }
        let first = self.first();
        self.cursor.end = first + number(kept);
        self.cursor.generation += 1;
        self.times.truncate(kept);
        self.lines.iter_mut().for_each(|line| line.rewind(at, kept));
        self.windows.iter_mut().for_each(|window| window.rewind(first));
    }

    /// Records the values for the next point, and adds lines for new labels.
    fn record_by_label(&mut self, at: Timestamp, numbers: &[LabelledNumber]) {
        self.lines.iter_mut().for_each(|line| line.latest = f64::NAN);
        // Known lines first: what makes room for a new one is then a line that is not in the reading.
        let mut new = Vec::new();
        for number in numbers {
            match self.lines.iter_mut().find(|line| line.label == number.label) {
                Some(line) => line.record(at, number.value),
                None => new.push(number),
            }
        }
        for LabelledNumber { label, value } in new {
            self.evict_stalest_line();
            self.add_line(label, at).record(at, *value);
        }
    }

    /// Adds a line that has a gap up to now.
    fn add_line(&mut self, label: &str, last_seen: Timestamp) -> &mut HistoryLine {
        self.last_line_id += 1;
        self.lines.push_mut(HistoryLine::new(self.last_line_id, label, self.times.len(), last_seen))
    }

    /// Adds the lines of a past of which these are the new points, the newest first, as far as there is room. A line was seen last
    /// where it has a value.
    fn add_lines_of(&mut self, past: &Series, older: &[(usize, Timestamp)]) {
        for SeriesLine { label, values } in past.lines() {
            let valued = older.iter().find(|(place, _)| values[*place].is_finite());
            let Some((_, seen)) = valued.or(older.last()) else { continue };
            if let Some(line) = self.lines.iter_mut().find(|line| line.label == *label) {
                line.last_seen = line.last_seen.max(*seen);
            } else if self.lines.len() < MAX_LINES {
                self.add_line(label, *seen);
            }
        }
    }

    /// Removes the line that was missing for the longest time, when there are too many.
    fn evict_stalest_line(&mut self) {
        if self.lines.len() >= MAX_LINES
            && let Some((stalest, _)) = self.lines.iter().enumerate().min_by_key(|(_, line)| line.last_seen)
        {
            self.lines.remove(stalest);
            self.windows.iter_mut().for_each(|window| window.is_stale = true);
        }
    }

    /// Whether enough time has passed for another point.
    fn is_due(&self, at: Timestamp) -> bool {
        self.times.back().is_none_or(|last| at >= *last + self.spacing)
    }

    /// Adds a point without values, where the lines break.
    fn add_gap(&mut self, at: Timestamp) {
        self.lines.iter_mut().for_each(|line| line.pending = (0.0, 0));
        self.add_point(at);
    }

    fn add_point(&mut self, at: Timestamp) {
        self.times.push_back(at);
        self.cursor.end += 1;
        for line in &mut self.lines {
            let value = line.add_point();
            self.windows.iter_mut().for_each(|window| window.extend(value));
        }
    }

    /// Moves the windows on to the newest point, and drops the points and lines that have left all of them.
    fn trim(&mut self) {
        let (first, newest) = (self.first(), self.times.back().copied());
        for window in &mut self.windows {
            window.advance(first, &self.times, &self.lines);
        }
        let kept_from = self.windows.iter().map(|window| window.first).min().unwrap_or(self.cursor.end);
        let left = place(kept_from - first);
        self.times.drain(..left);
        self.lines.iter_mut().for_each(|line| drop(line.values.drain(..left)));
        let longest = self.windows.iter().map(|window| window.length).max();
        let oldest = newest.zip(longest).map(|(newest, longest)| newest - longest);
        self.lines.retain(|line| oldest.is_some_and(|oldest| line.last_seen >= oldest));
    }

    /// The number of the oldest point.
    fn first(&self) -> u64 {
        first_number(self.cursor.end, &self.times)
    }
}

fn check_labels(numbers: &[LabelledNumber]) -> Result<(), UnrecordableReading> {
    if numbers.len() > MAX_LINES {
        return Err(UnrecordableReading::TooManyLines(numbers.len()));
    }
    let mut labels = HashSet::new();
    match numbers.iter().find(|number| !labels.insert(&number.label)) {
        Some(number) => Err(UnrecordableReading::DuplicateLabel(number.label.clone())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
