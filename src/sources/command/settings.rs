use std::path::{Path, PathBuf};
use std::time::Duration;

use super::argv::ArgumentTemplates;
use crate::config::{
    ConfigEntry, Fields, Secret, Setting, SettingRow, boolean, duration, integer, path, quote, read_secret_or_file, size, text,
};
use crate::sources::format::DocumentFormat;

const PROGRAM: &str = "program";
const ENVIRONMENT: &str = "environment";
const USER: &str = "user";
const DIRECTORY: &str = "directory";
const FORMAT: &str = "format";
const STREAM: &str = "stream";
const TIMEOUT: &str = "timeout";
const MAX_BYTES: &str = "max_bytes";
const RATE: &str = "rate";
const AT_A_TIME: &str = "at_a_time";

/// The table of a command source.
#[derive(Debug)]
pub(super) struct CommandSettings {
    pub(super) program: ProgramTemplate,
    /// The variables of its environment, beside `PATH` and `LANG`.
    pub(super) environment: Vec<(String, Secret)>,
    /// The user that it runs as, where that is not the server's.
    pub(super) user: Option<String>,
    /// The folder that it runs in.
    pub(super) directory: Option<PathBuf>,
    pub(super) format: DocumentFormat,
    /// Whether it runs on, and each line that it writes is a document.
    pub(super) stream: bool,
    /// How long it may take; of one that runs on, until its first line.
    pub(super) timeout: Duration,
    /// How much it may write; of one that runs on, in a line.
    pub(super) max_bytes: usize,
    /// How often a second it is started at most.
    pub(super) rate: u32,
    /// How many of it run at a time.
    pub(super) at_a_time: usize,
}

/// A program and its arguments.
#[derive(Clone, Debug)]
pub(super) struct ProgramTemplate {
    pub(super) path: PathBuf,
    pub(super) arguments: ArgumentTemplates,
}

impl CommandSettings {
    /// Reads the keys out of a source's table, and reports what is wrong with them.
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let program = program().take_from(fields, PROGRAM);
        let environment = environment().take_from(fields, ENVIRONMENT);
        let user = user().take_from(fields, USER);
        let directory = directory().take_from(fields, DIRECTORY);
        let format = DocumentFormat::setting().take_from(fields, FORMAT);
        let stream = boolean(false).take_from(fields, STREAM);
        let timeout = timeout().take_from(fields, TIMEOUT);
        let max_bytes = max_bytes().take_from(fields, MAX_BYTES);
        let rate = rate().take_from(fields, RATE);
        let at_a_time = at_a_time().take_from(fields, AT_A_TIME);
        if stream == Some(true)
            && format == Some(DocumentFormat::Csv)
            && let Some(location) = fields.value_location(FORMAT)
        {
            let help = "write `format = \"json\"` or `\"text\"`: each line is a document of its own";
            fields.sink.report(&location, "a line of a stream is no CSV: its header is missing", help);
            return None;
        }
        Some(Self {
            program: program??,
            environment: environment?,
            user: user?,
            directory: directory?,
            format: format?,
            stream: stream?,
            timeout: timeout?,
            max_bytes: max_bytes?,
            rate: rate?,
            at_a_time: at_a_time?,
        })
    }

    /// The reference of the keys.
    pub(super) fn rows() -> Vec<SettingRow> {
        [
            program().into_rows(PROGRAM, "The program, by its whole path, and its arguments, which can contain inputs: `{site}`. No shell reads them."),
            environment().into_rows(ENVIRONMENT, "Variables of its environment, which otherwise has `PATH` and `LANG` alone: `{ TOKEN = { file = \"jobs-token\" } }`."),
            user().into_rows(USER, "The user that it runs as. The server has to run as root for that."),
            directory().into_rows(DIRECTORY, "The folder that it runs in."),
            DocumentFormat::setting().into_rows(FORMAT, "The format of what it writes. CSV becomes an array of objects, text one string."),
            boolean(false).into_rows(STREAM, "Whether it runs on, and the last line that it writes is what is shown. One that ends is started again."),
            timeout().into_rows(TIMEOUT, "How long it may take, before it is killed with all that it has started. A stream has it for its first line, and runs on."),
            max_bytes().into_rows(MAX_BYTES, "The most that it may write; of a stream, in one line."),
            rate().into_rows(RATE, "How often a second it is started at most, for all panels together. Strangers have at most half of that."),
            at_a_time().into_rows(AT_A_TIME, "How many of it run at the same time. A stream is one of them for as long as it is watched, and strangers begin at most half."),
        ]
        .concat()
    }
}

fn program() -> Setting<Option<ProgramTemplate>> {
    Setting::new(None, "required", "list of texts", |fields, key| read_program(fields, key).map(Some))
        .always_read()
        .such_as("[\"/usr/local/bin/jobs\", \"--site\", \"{site}\"]")
}

fn environment() -> Setting<Vec<(String, Secret)>> {
    Setting::new(Vec::new(), "`{}`", "table", |fields, key| read_environment(fields.table(key)?))
        .such_as("{ TOKEN = { file = \"/etc/belvedere/jobs-token\" } }")
}

fn user() -> Setting<Option<String>> {
    text("").optional().such_as("\"jobs\"")
}

fn directory() -> Setting<Option<PathBuf>> {
    path("").optional().such_as("\"/srv/jobs\"")
}

/// Long enough for a slow report, short enough that a panel soon shows a failure.
fn timeout() -> Setting<Duration> {
    duration(Duration::from_secs(10), Duration::from_millis(100)..=Duration::from_mins(5))
}

/// What is for a panel is some KiB. It is held in memory whole, and parsed into several times its size.
fn max_bytes() -> Setting<usize> {
    size(1024 * 1024, 1024..=64 * 1024 * 1024)
}

/// A process costs more than a request: some milliseconds of a core.
fn rate() -> Setting<u32> {
    integer(10, 1..=1000)
}

fn at_a_time() -> Setting<usize> {
    integer(4, 1..=256)
}

fn read_program(fields: &mut Fields<'_>, key: &'static str) -> Option<ProgramTemplate> {
    let example = "write it like `[\"/usr/local/bin/jobs\", \"--site\", \"{site}\"]`";
    fields.require(key, example);
    let texts = fields.strings(key)?;
    let report = |place: usize, message: String, help: &str| {
        let location = texts.value.get(place).map_or(&texts.location, |text| &text.location);
        fields.sink.report(location, message, help);
    };
    let Some((program, arguments)) = texts.value.split_first() else {
        report(0, format!("`{key}` names no program"), example);
        return None;
    };
    if program.value.contains(['{', '}']) || !Path::new(&program.value).is_absolute() || program.value.contains('\0') {
        let help = "the admin alone decides which program is run: write its whole path, without placeholders";
        report(0, format!("{} is no path of a program", quote(&program.value)), help);
        return None;
    }
    let path = PathBuf::from(&program.value);
    match ArgumentTemplates::parse(&program.value, arguments.iter().map(|text| &*text.value)) {
        Ok(arguments) => Some(ProgramTemplate { path, arguments }),
        Err((place, message, help)) => {
            report(place + 1, format!("the argument {message}"), help);
            None
        }
    }
}

/// `{ REGION = "eu", TOKEN = { file = "…" } }`.
fn read_environment(mut fields: Fields<'_>) -> Option<Vec<(String, Secret)>> {
    let entries = fields.take_rest();
    let count = entries.len();
    let variables: Vec<_> = entries.into_iter().filter_map(|entry| read_variable(entry, &fields)).collect();
    (variables.len() == count).then_some(variables)
}

fn read_variable(entry: ConfigEntry, fields: &Fields<'_>) -> Option<(String, Secret)> {
    let ConfigEntry { key, key_location, node, .. } = entry;
    if key.is_empty() || key.contains(['=', '\0']) {
        fields.sink.report(&key_location, format!("a variable cannot be called {}", quote(&key)), "write a name like `TOKEN`");
        return None;
    }
    let location = node.location.clone();
    let value = read_secret_or_file(&key, node, "/run/credentials/belvedere/jobs", fields.sink)?;
    if value.expose().contains('\0') {
        fields.sink.report(&location, format!("the value of `{key}` has a NUL in it"), "no program can be given one");
        return None;
    }
    Some((key, value))
}
