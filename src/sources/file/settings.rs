use std::fmt::Debug;
use std::path::{Path, PathBuf};

use crate::config::{Fields, Setting, SettingRow, integer, read_path, size, text, word};
use crate::sources::format::DocumentFormat;

const PATH: &str = "path";
const FORMAT: &str = "format";
const SHEET: &str = "sheet";
const LINES: &str = "lines";
const MAX_BYTES: &str = "max_bytes";

/// The keys of a source of kind `file`: `path`, `format`, `sheet`, `lines`, `max_bytes`.
#[derive(Debug)]
pub(super) struct FileSettings {
    /// The file.
    pub(super) path: PathBuf,
    pub(super) format: FileFormat,
    /// The sheet of an Excel file; its first, where none is named.
    pub(super) sheet: Option<String>,
    /// How many of a log's last lines there are.
    pub(super) lines: usize,
    /// How large a file, or the end of a log, may be.
    pub(super) max_bytes: usize,
}

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileFormat {
    Document(DocumentFormat),
    /// Excel's (Office Open XML).
    Spreadsheet,
    /// A log: its last lines.
    Lines,
}

/// The words for the formats.
static FORMATS: [(&str, FileFormat); 5] = [
    ("csv", FileFormat::Document(DocumentFormat::Csv)),
    ("json", FileFormat::Document(DocumentFormat::Json)),
    ("xlsx", FileFormat::Spreadsheet),
    ("text", FileFormat::Document(DocumentFormat::Text)),
    ("lines", FileFormat::Lines),
];

impl FileFormat {
    /// The format that a file has by its ending.
    fn by_ending(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" | "tsv" => Some(Self::Document(DocumentFormat::Csv)),
            "json" => Some(Self::Document(DocumentFormat::Json)),
            "xlsx" | "xlsm" => Some(Self::Spreadsheet),
            "txt" => Some(Self::Document(DocumentFormat::Text)),
            "log" => Some(Self::Lines),
            _ => None,
        }
    }
}

impl FileSettings {
    /// Reads the keys out of a source's table, and reports what is wrong with them.
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let path = path().take_from(fields, PATH);
        let format = format().take_from(fields, FORMAT);
        let sheet = sheet().take_from(fields, SHEET);
        let lines = lines().take_from(fields, LINES);
        let max_bytes = max_bytes().take_from(fields, MAX_BYTES);
        let (path, format) = (path??, format?);
        let Some(format) = format.or_else(|| FileFormat::by_ending(&path)) else {
            let words = FORMATS.map(|(word, _)| format!("`{word}`")).join(", ");
            fields.report_missing(FORMAT, format!("the ending of the path does not tell what is in it: write one of {words}"));
            return None;
        };
        Some(Self { path, format, sheet: sheet?, lines: lines?, max_bytes: max_bytes? })
    }

    /// The reference of the keys.
    pub(super) fn rows() -> Vec<SettingRow> {
        [
            path().into_rows(PATH, "The file."),
            format().into_rows(
                FORMAT,
                "What is in the file. Without it, the ending decides: `.csv`, `.tsv`, `.json`, `.xlsx`, `.txt` (text), `.log` (lines).",
            ),
            sheet().into_rows(SHEET, "The sheet of an Excel file. Without it, the first."),
            lines().into_rows(LINES, "How many of the last lines of a log the filter gets."),
            max_bytes().into_rows(
                MAX_BYTES,
                "The largest file, and the most of a log's end that is looked at. A filter may use 48 MiB of memory, or 16 times this, where that is more.",
            ),
        ]
        .concat()
    }
}

fn path() -> Setting<Option<PathBuf>> {
    let read = |fields: &mut Fields<'_>, _| {
        fields.require(PATH, "name the file: `path = \"/srv/stock.csv\"`");
        fields.key_location(PATH)?;
        read_path(fields, PATH).map(|path| Some(path.value))
    };
    Setting::new(None, "required", "path", read).always_read().such_as("\"/srv/stock.csv\"")
}

fn format() -> Setting<Option<FileFormat>> {
    word(&FORMATS).such_as("\"lines\"").optional()
}

fn sheet() -> Setting<Option<String>> {
    text("Stock").optional()
}

/// As many as one scrolls through.
fn lines() -> Setting<usize> {
    integer(500, 1..=10_000)
}

/// It is held in memory whole, and parsed into several times its size.
fn max_bytes() -> Setting<usize> {
    size(4 * 1024 * 1024, 1024..=64 * 1024 * 1024)
}
