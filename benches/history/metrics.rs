//! Metrics as the source `host` gives them, made up: with the numbers' own grain, since that is what compresses or does not.

use std::time::Duration;

/// A metric that goes on from sample to sample.
pub(crate) struct Metric {
    kind: usize,
    random: u64,
    level: f64,
}

impl Metric {
    /// The kinds of metrics.
    pub(crate) const KINDS: [&str; 7] = [
        "processor, percent",
        "memory used, bytes",
        "load average",
        "disk used, bytes",
        "network, bytes a second",
        "temperature",
        "swap used, bytes",
    ];

    pub(crate) fn of(kind: usize, seed: usize) -> Self {
        let random = 0x9e37_79b9_7f4a_7c15 ^ (seed as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95);
        Self { kind, random, level: 0.4 }
    }

    /// How late the next sample is, and its value.
    pub(crate) fn sample(&mut self) -> (Duration, f64) {
        // Most come within a millisecond or two.
        let late = Duration::from_millis(u64::from(self.chance() < 0.4) + u64::from(self.chance() < 0.05) * 3);
        let step = (self.chance() - 0.5) * 0.04;
        let noise = self.chance();
        self.level = (self.level + step).clamp(0.02, 0.98);
        let value = match self.kind {
            // Ticks of a hundredth of a second, of four cores.
            0 => (self.level * 400.0 * (0.9 + noise * 0.2)).round() / (398.0 + (noise * 4.0).floor()) * 100.0,
            // Pages of 4 KiB, of 16 GiB: a few come and go each second.
            1 => 4096.0 * (self.level * 4_000_000.0 / 64.0 + 2_000_000.0).round(),
            2 => (self.level * 400.0).round() / 100.0,
            // Blocks, of which now and then some are written.
            3 => 4096.0 * (30_000_000.0 + (self.level * 50.0).floor() * 100.0),
            // Packets of an idle machine, and of transfers.
            4 => (self.level * 900.0 + noise * 60.0).round() * if self.level > 0.9 { 1460.0 } else { 1.0 },
            5 => 45.0 + (self.level * 20.0).round(),
            _ => 0.0,
        };
        // As the archive is given them.
        let rounded = if value.fract() == 0.0 { value } else { format!("{value:.6e}").parse().unwrap_or(value) };
        (late, rounded)
    }

    /// A number from 0 to 1.
    fn chance(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        f64::from(u32::try_from(self.random >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }
}
