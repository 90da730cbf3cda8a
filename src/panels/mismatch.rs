use crate::domain::Reading;

/// A reading that a panel of this kind cannot show, in words for people. No full stop.
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
    /// One number is wanted, and there are more or none.
    #[error("{kind} shows one number, but the source gave {count}; let the query pick one")]
    NotOneNumber {
        /// `a gauge`.
        kind: &'static str,
        /// How many there are.
        count: usize,
    },
    /// A chart with so many lines is not read, and would grow without bound.
    #[error("a chart draws at most {most} lines, but the source gave {count}; let the query pick fewer")]
    TooManyLines {
        /// How many are drawn.
        most: usize,
        /// How many there are.
        count: usize,
    },
    /// Two numbers with one label cannot be two lines.
    #[error("each line of a chart needs its own label, but the source gave '{label}' twice")]
    DuplicateLabel {
        /// The label.
        label: String,
    },
    /// A table's column that the page asks for is not there.
    #[error("the source's table has no column '{column}'; it has {has}")]
    MissingColumn {
        /// The column.
        column: String,
        /// The columns there are.
        has: String,
    },
    /// Numbers are judged by thresholds, and the panel has none.
    #[error("states are judged from numbers by the panel's thresholds, and it has none; add thresholds to the panel")]
    NoThresholds,
}

impl ReadingMismatch {
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
