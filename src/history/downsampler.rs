use std::collections::HashMap;
use std::time::Duration;

use super::samples::Samples;
use crate::domain::{MAX_LINES, Series, SeriesLine, Timestamp, millis_of};

/// The most points of a line that a range gives: a wide screen has fewer columns of pixels.
const MAX_POINTS: usize = 4_000;

/// How many intervals without a sample are a gap: as many as make a reading late.
pub const GAP_INTERVALS: u32 = 3;

/// A range of samples on its way to points that a chart draws: all of them where they are few, otherwise the lowest and the highest
/// of each bucket of time, in the order in which they came. Whatever the samples are, no peak is lost.
pub(super) struct Downsampler {
    from: Timestamp,
    to: Timestamp,
    /// The length of a bucket, in milliseconds.
    width: i64,
    /// How many points are given as they are.
    most_raw: usize,
    labels: HashMap<String, usize>,
    names: Vec<String>,
    /// When each line had a value last.
    last_seen: Vec<Option<Timestamp>>,
    /// All points, while they are few; then none.
    raw: Option<Vec<(Timestamp, Vec<f64>)>>,
    buckets: Vec<Bucket>,
    last: Option<Timestamp>,
}

/// The samples within some length of time.
#[derive(Clone, Default)]
struct Bucket {
    /// Of each line that has a value: the lowest and the highest, each with its time.
    extremes: Vec<Option<[(Timestamp, f64); 2]>>,
    /// Whether a gap reaches into it.
    has_gap: bool,
}

impl Downsampler {
    /// A range from one moment to another, both within it, for points that are about `interval` apart.
    pub(super) fn new(from: Timestamp, to: Timestamp, interval: Duration) -> Self {
        let (length, interval) = (to.as_millis().saturating_sub(from.as_millis()).max(1), millis_of(interval).max(2));
        let half = i64::try_from(MAX_POINTS / 2).unwrap_or(1);
        let width = interval.max(length.div_euclid(half) + 1);
        let buckets = usize::try_from(length / width + 1).unwrap_or(0);
        let most_raw = usize::try_from(2 * (length / interval) + 1).unwrap_or(MAX_POINTS).min(MAX_POINTS);
        Self {
            from,
            to,
            width,
            most_raw,
            labels: HashMap::new(),
            names: Vec::new(),
            last_seen: Vec::new(),
            raw: Some(Vec::new()),
            buckets: vec![Bucket::default(); buckets],
            last: None,
        }
    }

    /// Adds samples, which are about as old as those before or newer.
    pub(super) fn add(&mut self, samples: &Samples) {
        let lines = self.lines_of(samples);
        let range = self.from..=self.to;
        for (place, at) in samples.times.iter().enumerate().filter(|(_, at)| range.contains(at)) {
            self.add_gap_before(*at, samples.interval);
            let mut row = vec![f64::NAN; if self.raw.is_some() { self.names.len() } else { 0 }];
            let bucket_place = self.bucket(*at);
            let Some(bucket) = self.buckets.get_mut(bucket_place) else { continue };
            let mut is_empty = true;
            for (line, values) in &lines {
                let value = values[place];
                if value.is_finite() {
                    is_empty = false;
                    bucket.add(*line, *at, value);
                    row.get_mut(*line).into_iter().for_each(|slot| *slot = value);
                }
            }
            bucket.has_gap |= is_empty;
            self.add_raw(*at, row);
        }
    }

    /// The points.
    pub(super) fn finish(self) -> Option<Series> {
        let lines = self.names.len();
        let (times, values) = match self.raw {
            Some(mut raw) => {
                // Two processes may have written of the same time, or one twice.
                raw.sort_by_key(|(at, _)| *at);
                raw.dedup_by_key(|(at, _)| *at);
                let value = |line: usize| raw.iter().map(move |(_, row)| row.get(line).copied().unwrap_or(f64::NAN)).collect();
                (raw.iter().map(|(at, _)| *at).collect::<Vec<_>>(), (0..lines).map(value).collect::<Vec<Vec<f64>>>())
            }
            None => points_of(&self.buckets, lines, self.from, self.width),
        };
        let lines = self.names.into_iter().zip(values).map(|(label, values)| SeriesLine { label, values }).collect();
        Series::new(times, lines, None).ok().filter(|series| !series.times().is_empty() && !series.lines().is_empty())
    }

    /// The places of the lines of these samples, each with its values. Those that are known keep theirs before new ones come.
    fn lines_of<'a>(&mut self, samples: &'a Samples) -> Vec<(usize, &'a [f64])> {
        let mut lines = Vec::new();
        let mut new = Vec::new();
        for line in &samples.lines {
            let mut newest_first = samples.times.iter().zip(&line.values).rev();
            let last = newest_first.find(|(_, value)| value.is_finite()).map(|(at, _)| *at);
            if let Some(place) = self.labels.get(&line.label).copied() {
                self.last_seen[place] = self.last_seen[place].max(last);
                lines.push((place, line.values.as_slice()));
            } else {
                new.push((line, last));
            }
        }
        for (line, last) in new {
            if let Some(place) = self.add_line(&line.label, last) {
                // It may have made room itself.
                lines.retain(|(known, _)| *known != place);
                lines.push((place, line.values.as_slice()));
            }
        }
        lines
    }

    /// Adds a line, and returns its place. Of too many, the one that was missing for the longest time makes room, as in a chart
    /// that was there all the time; `None` where none was missing for longer.
    fn add_line(&mut self, label: &str, last: Option<Timestamp>) -> Option<usize> {
        if self.names.len() < MAX_LINES {
            self.labels.insert(label.to_owned(), self.names.len());
            self.names.push(label.to_owned());
            self.last_seen.push(last);
            return Some(self.names.len() - 1);
        }
        let (place, stalest) = self.last_seen.iter().copied().enumerate().min_by_key(|(_, seen)| *seen)?;
        if stalest >= last {
            return None;
        }
        self.labels.remove(&self.names[place]);
        self.labels.insert(label.to_owned(), place);
        label.clone_into(&mut self.names[place]);
        self.last_seen[place] = last;
        if let Some(raw) = &mut self.raw {
            raw.retain_mut(|(_, row)| {
                let before = row.get_mut(place).map_or(f64::NAN, |value| std::mem::replace(value, f64::NAN));
                // A row that had nothing else would be a gap.
                !before.is_finite() || row.iter().any(|value| value.is_finite())
            });
        }
        for bucket in &mut self.buckets {
            bucket.extremes.get_mut(place).into_iter().for_each(|extremes| *extremes = None);
        }
        Some(place)
    }

    /// Notes a gap where `at` is too long after the sample before.
    fn add_gap_before(&mut self, at: Timestamp, interval: Duration) {
        if let Some(last) = self.last.filter(|last| !interval.is_zero() && at.since(*last) > interval * GAP_INTERVALS) {
            let begin = last + interval;
            let (first, end) = (self.bucket(begin), self.bucket(at));
            self.buckets.iter_mut().take(end + 1).skip(first).for_each(|bucket| bucket.has_gap = true);
            self.add_raw(begin, Vec::new());
        }
        self.last = self.last.max(Some(at));
    }

    fn add_raw(&mut self, at: Timestamp, row: Vec<f64>) {
        if let Some(raw) = &mut self.raw {
            raw.push((at, row));
            // So that no series is larger than one may be, however many lines it has.
            if raw.len() > self.most_raw || raw.len() * self.names.len() > Series::MAX_VALUES {
                self.raw = None;
            }
        }
    }

    fn bucket(&self, at: Timestamp) -> usize {
        usize::try_from((at.as_millis() - self.from.as_millis()) / self.width).unwrap_or(0)
    }
}

impl Bucket {
    fn add(&mut self, line: usize, at: Timestamp, value: f64) {
        if self.extremes.len() <= line {
            self.extremes.resize(line + 1, None);
        }
        let [lowest, highest] = self.extremes[line].get_or_insert([(at, value); 2]);
        if value < lowest.1 {
            *lowest = (at, value);
        }
        if value > highest.1 {
            *highest = (at, value);
        }
    }

    fn is_empty(&self) -> bool {
        self.extremes.iter().all(Option::is_none)
    }
}

/// Two points of each bucket that has some, and one without values where a gap begins.
fn points_of(buckets: &[Bucket], lines: usize, from: Timestamp, width: i64) -> (Vec<Timestamp>, Vec<Vec<f64>>) {
    let (mut times, mut values) = (Vec::new(), vec![Vec::new(); lines]);
    let mut is_in_gap = true;
    let begin_of = |number: usize| from.as_millis() + i64::try_from(number).unwrap_or(0) * width;
    for (number, bucket) in buckets.iter().enumerate() {
        let begin = begin_of(number);
        if bucket.is_empty() {
            if bucket.has_gap && !is_in_gap {
                times.push(Timestamp::from_millis(begin));
                for line in &mut values {
                    line.push(f64::NAN);
                }
                is_in_gap = true;
            }
            continue;
        }
        is_in_gap = false;
        times.extend([begin, begin + width / 2].map(Timestamp::from_millis));
        for (line, values) in values.iter_mut().enumerate() {
            let pair = match bucket.extremes.get(line).copied().flatten() {
                Some([lowest, highest]) if lowest.0 <= highest.0 => [lowest.1, highest.1],
                Some([lowest, highest]) => [highest.1, lowest.1],
                None => [f64::NAN; 2],
            };
            values.extend(pair);
        }
    }
    (times, values)
}
