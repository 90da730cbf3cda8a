use std::io::{IsTerminal, stderr};
use std::panic::{Location, PanicHookInfo};

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use crate::config::{LogFormat, LogSettings};

use super::bridge;

/// The most of a panic's message that is logged.
const MAX_PANIC_CHARS: usize = 1_000;

/// The log's filter is not in `tracing`'s filter language. Settings that were read from a file have a valid one.
#[derive(Debug, thiserror::Error)]
#[error("the log's filter cannot be read: {0}; write it like `info,belvedere=debug`")]
pub struct InvalidLogFilter(#[from] tracing_subscriber::filter::ParseError);

/// Initialises logging for the whole process. Only the first call counts: a second one, as tests make it, changes
/// nothing.
///
/// # Errors
/// [`InvalidLogFilter`].
pub fn init_logging(settings: &LogSettings) -> Result<(), InvalidLogFilter> {
    let terminal = stderr().is_terminal();
    let subscriber = subscriber(settings, terminal, stderr)?;
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        bridge::install();
        std::panic::set_hook(Box::new(log_panic));
    }
    Ok(())
}

/// Logs a panic with its source location, on one line.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    let message = panic.payload_as_str().unwrap_or("without a word");
    tracing::error!(place, "panicked: {}", loggable_panic(panic.location().map_or("", Location::file), message));
}

/// The message of a panic in this source file as it may be logged: the LDAP client's and its BER reader's repeat what
/// they cannot read, which is a directory's answer of any length.
fn loggable_panic<'m>(file: &str, message: &'m str) -> &'m str {
    let reads_answers = file.split(['/', '\\']).any(|part| part.starts_with("ldap3") || part.starts_with("lber"));
    let message = if reads_answers { message.split([':', '{']).next().unwrap_or_default() } else { message };
    message.char_indices().nth(MAX_PANIC_CHARS).map_or(message, |(end, _)| &message[..end])
}

/// Whether a line may be logged at all, whatever filter is set: at trace level, the embedded directory's codec logs
/// whole messages, the passwords of binds among them.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    *metadata.level() != Level::TRACE || !metadata.target().starts_with("ldap3_proto")
}

fn subscriber<W>(
    settings: &LogSettings,
    terminal: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, InvalidLogFilter>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().parse(&settings.filter)?;
    let human = match settings.format {
        LogFormat::Auto => terminal,
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(may_be_logged));
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    Ok(if human {
        // The convention of no-color.org: any text in it means no colours.
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Box::new(registry.with(layer.with_ansi(terminal && !plain)))
    } else {
        Box::new(registry.with(layer.json().flatten_event(true).with_current_span(false)))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A writer that keeps the log in memory.
    #[derive(Clone, Default)]
    struct LogBuffer(Arc<Mutex<Vec<u8>>>);

    impl Write for LogBuffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(settings: &LogSettings, terminal: bool, log: impl FnOnce()) -> Vec<String> {
        let buffer = LogBuffer::default();
        let copy = buffer.clone();
        let subscriber = subscriber(settings, terminal, move || copy.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, log);
        let written = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        written.lines().map(str::to_owned).collect()
    }

    fn format(format: LogFormat) -> LogSettings {
        LogSettings { format, ..LogSettings::default() }
    }

    #[test]
    fn off_a_terminal_every_line_is_a_json_object() {
        for settings in [format(LogFormat::Auto), format(LogFormat::Json)] {
            let lines = lines(&settings, false, || tracing::info!(user = "al\nice", "signed in"));
            let [line] = lines.as_slice() else { panic!("{lines:?}") };
            let object: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!((&object["message"], &object["user"]), (&"signed in".into(), &"al\nice".into()));
            assert_eq!(object["level"], "INFO");
        }
    }

    #[test]
    fn on_a_terminal_lines_are_for_people() {
        for (settings, terminal) in [(format(LogFormat::Auto), true), (format(LogFormat::Human), false)] {
            let lines = lines(&settings, terminal, || tracing::info!("signed in"));
            assert!(lines.len() == 1 && !lines[0].starts_with('{') && lines[0].contains("signed in"), "{lines:?}");
        }
    }

    #[test]
    fn unless_told_otherwise_only_our_own_story_is_told() {
        let lines = lines(&LogSettings::default(), false, || {
            tracing::info!(target: "belvedere::web", "ours");
            tracing::debug!(target: "belvedere::web", "too much");
            tracing::info!(target: "library", "chatter");
            tracing::warn!(target: "library", "trouble");
            tracing::info!(target: "sqlx::query", "chatter");
        });
        assert!(lines.len() == 2 && lines[0].contains("ours") && lines[1].contains("trouble"), "{lines:?}");
    }

    #[test]
    fn the_codec_that_logs_passwords_at_its_finest_is_never_heard_there() {
        let filter = "trace,ldap3_proto=trace,ldap3_proto::simple=trace".to_owned();
        let lines = lines(&LogSettings { filter, ..LogSettings::default() }, false, || {
            tracing::trace!(target: "ldap3_proto::simple", "a bind with its password");
            tracing::debug!(target: "ldap3_proto::simple", "a bind");
        });
        assert!(lines.len() == 1 && !lines[0].contains("password"), "{lines:?}");
    }

    #[test]
    fn a_panic_over_an_answer_does_not_repeat_it() {
        let panic = r"matched dn: FromUtf8Error { bytes: [99, 110, 61, 255] }";
        for file in ["/build/registry/src/index/ldap3-0.12.1/src/result.rs", r"vendor\lber\src\parse.rs"] {
            assert_eq!(loggable_panic(file, panic), "matched dn");
        }
        assert_eq!(loggable_panic("src/directory/connection/ldap_connection.rs", panic), panic);
        assert_eq!(loggable_panic("src/main.rs", &"ü".repeat(5_000)).chars().count(), MAX_PANIC_CHARS);
    }

    #[test]
    fn starting_twice_is_no_error_and_a_bad_filter_is() {
        init_logging(&LogSettings::default()).unwrap();
        init_logging(&LogSettings::default()).unwrap();
        let bad = LogSettings { filter: "belvedere=loud".into(), ..LogSettings::default() };
        assert!(init_logging(&bad).unwrap_err().to_string().contains("info,belvedere=debug"));
    }
}
