//! The command-line arguments after `--`.

use std::time::Duration;

pub(crate) struct Arguments(Vec<String>);

impl Arguments {
    pub(crate) fn of_this_process() -> Self {
        Self(std::env::args().skip(1).collect())
    }

    /// The argument that follows `flag`.
    pub(crate) fn value(&self, flag: &str) -> Option<&str> {
        self.0.iter().skip_while(|argument| *argument != flag).nth(1).map(String::as_str)
    }

    /// `--seconds 10`: how long each line of a table is measured.
    pub(crate) fn length(&self, seconds: u64) -> Duration {
        Duration::from_secs(self.number("--seconds").unwrap_or(seconds))
    }

    /// A whole number that follows `flag`.
    pub(crate) fn number<N: std::str::FromStr>(&self, flag: &str) -> Option<N> {
        self.value(flag).and_then(|text| text.parse().ok())
    }

    /// `--only NAME`: whether that part is to be measured.
    pub(crate) fn wants(&self, part: &str) -> bool {
        self.value("--only").is_none_or(|only| only == part)
    }
}
