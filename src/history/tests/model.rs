//! The archive against a plain list of samples, through whatever happens to it.

use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::*;

const KEEP: Duration = Duration::from_mins(20);
const LABELS: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Debug)]
enum Event {
    /// A sample so long after the last, with a value for some lines.
    Sample(u16, [Option<i16>; 3]),
    /// Several samples, each of which is written for itself.
    Chunks(u8),
    Flush,
    /// The program is killed, and started again.
    Kill,
    Tidy,
    Away(u16),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (1..4_000u16, proptest::array::uniform3(proptest::option::weighted(0.8, any::<i16>())))
            .prop_map(|(after, values)| Event::Sample(after, values)),
        1 => (1..90u8).prop_map(Event::Chunks),
        3 => Just(Event::Flush),
        2 => Just(Event::Kill),
        2 => Just(Event::Tidy),
        1 => (1..600u16).prop_map(Event::Away),
    ]
}

/// A sample, as the model has it.
#[derive(Clone, Debug)]
struct ModelSample {
    at: Timestamp,
    values: [Option<f64>; 3],
    is_written: bool,
}

struct Model {
    fixture: ArchiveFixture,
    archive: HistoryArchive,
    writer: SeriesWriter,
    samples: Vec<ModelSample>,
}

impl Model {
    async fn new() -> Self {
        let fixture = ArchiveFixture::new(TestEngine::embedded()).await;
        let archive = fixture.open().await;
        let writer = archive.register(&query("orders"), SECOND, KEEP);
        Self { fixture, archive, writer, samples: Vec::new() }
    }

    fn record(&mut self, after: Duration, values: [Option<f64>; 3]) {
        self.fixture.clock.advance(after);
        let at = self.fixture.clock.now();
        let known = LABELS.iter().zip(values).filter_map(|(label, value)| Some(((*label).to_owned(), value?)));
        let numbers: Vec<_> = known.map(|(label, value)| LabelledNumber { label, value }).collect();
        self.archive.record(orders(), at, SECOND, &numbers);
        self.samples.push(ModelSample { at, values, is_written: false });
    }

    async fn flush(&mut self) {
        self.archive.flush().await;
        self.samples.iter_mut().for_each(|sample| sample.is_written = true);
    }

    async fn happens(&mut self, event: Event) {
        match event {
            Event::Sample(after, values) => {
                self.record(Duration::from_millis(after.into()), values.map(|value| value.map(f64::from)));
            }
            Event::Chunks(count) => {
                for number in 0..count {
                    self.record(SECOND, [Some(f64::from(number)), None, Some(-1.5)]);
                    self.flush().await;
                }
            }
            Event::Flush => self.flush().await,
            Event::Kill => {
                self.archive = self.fixture.open().await;
                self.writer = self.archive.register(&query("orders"), SECOND, KEEP);
                self.samples.retain(|sample| sample.is_written);
            }
            Event::Tidy => self.archive.tidy().await,
            Event::Away(seconds) => self.fixture.clock.advance(Duration::from_secs(seconds.into())),
        }
    }

    /// Reads all that is to be kept, as it is and in steps, and compares.
    async fn is_right(&self) -> Result<(), TestCaseError> {
        let now = self.fixture.clock.now();
        let kept: Vec<_> = self.samples.iter().filter(|sample| sample.at >= now - KEEP).collect();
        let exact = self.archive.read(orders(), TimeRange::ending_at(now, KEEP).with_step(Duration::from_millis(2))).await;
        let coarse = self.archive.read(orders(), TimeRange::ending_at(now, KEEP).with_step(60 * SECOND)).await;
        prop_assert!(coarse.as_ref().is_none_or(|series| series.times().len() <= 42));
        for (line, label) in LABELS.iter().enumerate() {
            let expected: Vec<_> = kept.iter().filter_map(|sample| Some((sample.at, sample.values[line]?))).collect();
            prop_assert_eq!(points(exact.as_ref(), label), &expected[..], "all points of {}", label);
            let (lowest, highest) = extremes(expected.iter().map(|(_, value)| *value));
            let coarse = points(coarse.as_ref(), label);
            prop_assert_eq!(extremes(coarse.iter().map(|(_, value)| *value)), (lowest, highest), "the peaks of {}", label);
        }
        // Where there was nothing for long, there is a point without a value.
        for pair in kept.windows(2).filter(|pair| pair[1].at.since(pair[0].at) > 3 * SECOND) {
            let series = exact.as_ref().unwrap();
            let gap = series.times().iter().position(|at| *at == pair[0].at + SECOND);
            prop_assert!(gap.is_some_and(|gap| series.lines().iter().all(|line| line.values[gap].is_nan())), "{:?}", pair);
        }
        Ok(())
    }
}

fn points(series: Option<&Series>, label: &str) -> Vec<(Timestamp, f64)> {
    let line = series.and_then(|series| Some((series, series.lines().iter().find(|line| line.label == label)?)));
    let Some((series, line)) = line else { return Vec::new() };
    series.times().iter().copied().zip(line.values.iter().copied()).filter(|(_, value)| value.is_finite()).collect()
}

fn extremes(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_what_was_written_is_read_and_every_peak_is_seen(events in prop::collection::vec(event(), 1..60)) {
        Runtime::new().unwrap().block_on(async {
            let mut model = Model::new().await;
            for event in events {
                model.happens(event).await;
            }
            model.is_right().await
        })?;
    }
}
