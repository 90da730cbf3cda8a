use crate::domain::Reading;

/// The reason why a panel of this kind cannot show a reading, in words for the log. No full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadingMismatch {
    /// The reading is of another sort than the kind needs.
    #[error("{kind} shows {wants}, but the source gave {gave}")]
    WrongKind {
        /// `a gauge`.
        kind: &'static str,
        /// `a number`.
        wants: &'static str,
        /// `a table`.
        gave: &'static str,
    },
    /// The panel shows one number, and there are more or none.
    #[error("{kind} shows one number, but the source gave {count}; let the query pick one")]
    NotOneNumber {
        /// `a gauge`.
        kind: &'static str,
        /// The number that there are.
        count: usize,
    },
    /// There are more lines than a chart draws: they could not be read, and would grow without bound.
    #[error("a chart draws at most {most} lines, but the source gave {count}; let the query pick fewer")]
    TooManyLines {
        /// The most lines that are drawn.
        most: usize,
        /// The number that there are.
        count: usize,
    },
    /// Two numbers have the same label, and cannot be two lines.
    #[error("each line of a chart needs its own label, but the source gave '{label}' twice")]
    DuplicateLabel {
        /// The label.
        label: String,
    },
    /// The table has no such column as the page names.
    #[error("the source's table has no column '{column}'; it has {has}")]
    MissingColumn {
        /// The column.
        column: String,
        /// The columns there are.
        has: String,
    },
    /// Numbers need thresholds to become states, and the panel has none.
    #[error("states are judged from numbers by the panel's thresholds, and it has none; add thresholds to the panel")]
    NoThresholds,
}

impl ReadingMismatch {
    /// The words for everybody who sees the panel, strangers too: nothing of the source's answer that the page does not name
    /// itself. The log has all of it.
    pub fn for_visitors(&self) -> String {
        match self {
            Self::MissingColumn { column, .. } => format!("the source's table has no column '{column}'"),
            Self::DuplicateLabel { .. } => "each line of a chart needs its own label, but the source gave one twice".to_owned(),
            Self::WrongKind { .. } | Self::NotOneNumber { .. } | Self::TooManyLines { .. } | Self::NoThresholds => {
                self.to_string()
            }
        }
    }

    pub(super) fn wrong_kind(kind: &'static str, wants: &'static str, reading: &Reading) -> Self {
        Self::WrongKind { kind, wants, gave: reading.kind_name() }
    }
}

/// The one number of a reading; a single labelled number counts.
pub(super) fn one_number(kind: &'static str, wants: &'static str, reading: &Reading) -> Result<f64, ReadingMismatch> {
    match reading {
        Reading::Number(value) => Ok(*value),
        Reading::Numbers(numbers) => match numbers.as_slice() {
            [number] => Ok(number.value),
            _ => Err(ReadingMismatch::NotOneNumber { kind, count: numbers.len() }),
        },
        _ => Err(ReadingMismatch::wrong_kind(kind, wants, reading)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visitors_are_told_nothing_of_an_answer_that_the_page_does_not_name() {
        let missing = ReadingMismatch::MissingColumn { column: "job".into(), has: "'host' and 'salary'".into() };
        assert_eq!(missing.for_visitors(), "the source's table has no column 'job'");
        assert!(missing.to_string().contains("salary"), "the log has it");
        let twice = ReadingMismatch::DuplicateLabel { label: "10.0.0.7:9090".into() };
        assert!(!twice.for_visitors().contains("10.0.0.7"), "{}", twice.for_visitors());
    }
}
