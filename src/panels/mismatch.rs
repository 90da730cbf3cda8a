use crate::domain::Reading;

/// The readings that a kind of panel takes: in words, and as the JSON that a filter gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenReadings {
    /// `a number`.
    pub(super) words: &'static str,
    /// `a number: 4.5`. The manual has it in the same words.
    pub(super) json: &'static str,
}

/// One number.
pub(super) const ONE_NUMBER: TakenReadings =
    TakenReadings { words: "a number", json: "`4.5`, or one value of `{\"LA\": 4.5}`" };

/// One number, or words.
pub(super) const NUMBER_OR_TEXT: TakenReadings =
    TakenReadings { words: "a number or text", json: "`4.5`, `\"open\"`, or one value of `{\"LA\": 4.5}`" };

/// Labelled numbers.
pub(super) const NUMBERS: TakenReadings = TakenReadings {
    words: "numbers",
    json: "`{\"LA\": 4.5, \"NYC\": 3}`, `[{\"name\": \"LA\", \"value\": 4.5}]` (or `label`), `[4.5, 3]` or `4.5`",
};

/// Labelled states, or numbers that become such.
pub(super) const STATES_OR_NUMBERS: TakenReadings = TakenReadings {
    words: "states or numbers",
    json: "`{\"db\": true, \"web\": \"down\"}`, `[{\"name\": \"db\", \"up\": true, \"note\": \"41 ms\"}]` (or `label`, `state`), or with \
           thresholds what a bar chart takes",
};

/// Rows under columns.
pub(super) const ROWS: TakenReadings = TakenReadings {
    words: "rows under columns",
    json: "`[{\"name\": \"db\", \"load\": 4.5}]`, `[[\"db\", 4.5]]`, or what a bar chart or a states panel takes",
};

/// The reason why a panel of this kind cannot show a reading, in words for the log. No full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadingMismatch {
    /// The reading is of another sort than the kind needs.
    #[error("{kind} shows {}, but the source gave {gave}; as JSON it takes {}", .takes.words, .takes.json)]
    WrongKind {
        /// `a gauge`.
        kind: &'static str,
        /// The readings that it takes.
        takes: TakenReadings,
        /// `a table`.
        gave: &'static str,
    },
    /// The kind shows no readings at all.
    #[error("{kind} shows its page's own words, but the source gave {gave}")]
    ShowsNone {
        /// `a text panel`.
        kind: &'static str,
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
            Self::WrongKind { .. }
            | Self::ShowsNone { .. }
            | Self::NotOneNumber { .. }
            | Self::TooManyLines { .. }
            | Self::NoThresholds => self.to_string(),
        }
    }

    pub(super) fn wrong_kind(kind: &'static str, takes: TakenReadings, reading: &Reading) -> Self {
        Self::WrongKind { kind, takes, gave: reading.kind_name() }
    }
}

/// The one number of a reading; a single labelled number counts, and an empty answer is a number that nobody can tell.
pub(super) fn one_number(kind: &'static str, takes: TakenReadings, reading: &Reading) -> Result<f64, ReadingMismatch> {
    match reading.labelled_numbers().as_deref() {
        Some([]) => Ok(f64::NAN),
        Some([number]) => Ok(number.value),
        Some(numbers) => Err(ReadingMismatch::NotOneNumber { kind, count: numbers.len() }),
        None => Err(ReadingMismatch::wrong_kind(kind, takes, reading)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_has_the_json_that_each_kind_takes_in_the_same_words() {
        let manual = include_str!("../../docs/src/panels.md");
        for TakenReadings { words, json } in [ONE_NUMBER, NUMBER_OR_TEXT, NUMBERS, STATES_OR_NUMBERS, ROWS] {
            assert!(manual.contains(json), "{words}: {json}");
        }
    }

    #[test]
    fn visitors_are_told_nothing_of_an_answer_that_the_page_does_not_name() {
        let missing = ReadingMismatch::MissingColumn { column: "job".into(), has: "'host' and 'salary'".into() };
        assert_eq!(missing.for_visitors(), "the source's table has no column 'job'");
        assert!(missing.to_string().contains("salary"), "the log has it");
        let twice = ReadingMismatch::DuplicateLabel { label: "10.0.0.7:9090".into() };
        assert!(!twice.for_visitors().contains("10.0.0.7"), "{}", twice.for_visitors());
    }
}
