//! A statistical test of whether two samples of measurements differ.

#![allow(clippy::cast_precision_loss, reason = "nobody measures as often as a double cannot count")]

/// The probability that two lots of one kind differ as much as these do, or more: the Mann-Whitney U test, two-sided, by
/// its normal approximation (good from twenty on), with its correction for ties. It asks whether those of one lot tend to
/// be larger, whatever their distribution.
pub(crate) fn mann_whitney_p(one: &[f64], other: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> =
        one.iter().map(|&value| (value, true)).chain(other.iter().map(|&value| (value, false))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (n1, n2, n) = (one.len() as f64, other.len() as f64, all.len() as f64);
    let (mut rank_sum, mut ties, mut before) = (0.0, 0.0, 0.0);
    for equal in all.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let count = equal.len() as f64;
        let rank = before + f64::midpoint(count, 1.0);
        rank_sum += rank * equal.iter().filter(|(_, is_one)| *is_one).count() as f64;
        ties += count.powi(3) - count;
        before += count;
    }
    let u = rank_sum - n1 * (n1 + 1.0) / 2.0;
    let deviation = (n1 * n2 / 12.0 * (n + 1.0 - ties / (n * (n - 1.0)))).sqrt();
    // Half a step towards the middle, as ranks are whole and the curve is not.
    let z = ((u - n1 * n2 / 2.0).abs() - 0.5).max(0.0) / deviation;
    two_sided_p(z)
}

/// The share of a normal distribution beyond `z` on both sides (Abramowitz and Stegun, 26.2.17; good to 7.5e-8).
fn two_sided_p(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z);
    let series = [1.330_274_429, -1.821_255_978, 1.781_477_937, -0.356_563_782, 0.319_381_530];
    let sum = series.iter().fold(0.0, |sum, factor| (sum + factor) * t);
    2.0 * sum * (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// As many numbers as asked for, spread over `from` to `to` without order.
#[cfg(test)]
fn spread(count: u32, from: f64, to: f64) -> Vec<f64> {
    (0..count).map(|n| from + (to - from) * (f64::from(n) * 0.618_033_988_75).fract()).collect()
}

#[test]
fn what_differs_is_told_apart_and_what_does_not_is_not() {
    let usual = spread(400, 300.0, 400.0);
    assert!(mann_whitney_p(&usual, &spread(400, 310.0, 410.0)) < 1e-5, "a tenth of the spread is seen");
    assert!(mann_whitney_p(&usual, &spread(401, 300.0, 400.0)) > 0.5);
    assert!((mann_whitney_p(&usual, &usual) - 1.0).abs() < 1e-6, "everything in twos is no difference");
    let (mut late, mut other) = (usual.clone(), usual);
    // One in ten takes twice as long: for one kind only, and for both.
    late.iter_mut().step_by(5).for_each(|value| *value *= 2.0);
    assert!(mann_whitney_p(&late, &other) < 0.01);
    other.iter_mut().step_by(5).for_each(|value| *value *= 2.0);
    assert!(mann_whitney_p(&late, &other) > 0.5);
}

#[test]
fn the_probability_is_that_of_the_books() {
    // Two lots of twenty with U = 120: z = (200 - 120 - 0.5) / sqrt(20 * 20 * 41 / 12) = 2.1505.
    assert!((two_sided_p(2.150_5) - 0.031_517).abs() < 1e-4);
    assert!((two_sided_p(1.959_964) - 0.05).abs() < 1e-6);
    assert!((two_sided_p(2.575_829) - 0.01).abs() < 1e-6);
}
