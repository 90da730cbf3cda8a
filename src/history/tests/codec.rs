use std::time::Duration;

use super::super::codec::{ChunkError, decode, encode};
use super::super::samples::Samples;
use super::{SECOND, START, one};
use crate::domain::{LabelledNumber, Timestamp};

fn sample(labels: &[(&str, f64)]) -> Vec<LabelledNumber> {
    labels.iter().map(|(label, value)| LabelledNumber { label: (*label).to_owned(), value: *value }).collect()
}

/// Samples of `count` moments, with a constant line, a noisy one, one that is there now and then, and a gap.
fn samples(count: u32) -> Samples {
    let mut samples = Samples::new(SECOND);
    for number in 0..count {
        let at = START + SECOND * number + Duration::from_millis(u64::from(number * 7919 % 5));
        let noisy = f64::from(number).sin() * 1e6;
        match number % 11 {
            3 => samples.push(at, &[]),
            5 => samples.push(at, &sample(&[("still", 4096.0), ("noisy", noisy), ("seldom", f64::from(number))])),
            _ => samples.push(at, &sample(&[("still", 4096.0), ("noisy", noisy)])),
        }
    }
    samples
}

fn bits(samples: &Samples) -> Vec<(&str, Vec<u64>)> {
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect();
    samples.lines.iter().map(|line| (line.label.as_str(), bits(&line.values))).collect()
}

#[test]
fn a_chunk_says_what_was_recorded() {
    for count in [1, 2, 5, 47, 48, 320, 5_120] {
        let samples = samples(count);
        let decoded = decode(&encode(&samples).unwrap()).unwrap();
        assert_eq!((decoded.interval, &decoded.times), (samples.interval, &samples.times));
        assert_eq!(bits(&decoded), bits(&samples));
    }
    let mut odd = Samples::new(Duration::ZERO);
    for at in [i64::MAX, i64::MIN, 0, -1] {
        odd.push(Timestamp::from_millis(at), &[one(-f64::MAX)]);
    }
    assert_eq!(decode(&encode(&odd).unwrap()).unwrap().times, odd.times, "whatever a clock says");
}

#[test]
fn a_chunk_that_was_cut_anywhere_or_changed_is_known_to_be_damaged() {
    for count in [1, 60, 300] {
        let whole = encode(&samples(count)).unwrap();
        for cut in 0..whole.len() {
            assert_eq!(decode(&whole[..cut]).unwrap_err(), ChunkError::Damaged, "{count} samples, cut at {cut}");
            let mut changed = whole.clone();
            changed[cut] ^= 0x10;
            let error = if cut == 0 { ChunkError::OtherVersion } else { ChunkError::Damaged };
            assert_eq!(decode(&changed).unwrap_err(), error, "{count} samples, changed at {cut}");
        }
        assert_eq!(decode(&[&whole[..], &[0]].concat()).unwrap_err(), ChunkError::Damaged);
    }
}
