use super::super::setting::{DeclaredTable, Setting, settings, word};

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

const FORMATS: [(&str, LogFormat); 3] = [("auto", LogFormat::Auto), ("human", LogFormat::Human), ("json", LogFormat::Json)];

/// This program's events, and warnings of libraries. Those that use `log` have the target `library`.
const DEFAULT_FILTER: &str = "info,library=warn,sqlx=warn,ldap3=warn,ldap3_proto=warn,reqwest=warn";

settings! {
    /// The program's own log.
    #[derive(Clone, Debug)]
    pub struct LogSettings {
        /// The format of lines. `auto` is readable text on a terminal, otherwise JSON.
        pub format: LogFormat = word(&FORMATS),
        /// Which lines are logged: `"info,belvedere=debug"`.
        pub filter: String = filter(),
    }
}

impl Default for LogSettings {
    /// The defaults of `[log]`, for commands that log before they have read any settings.
    fn default() -> Self {
        Self::defaults()
    }
}

/// A filter in `tracing`'s language.
fn filter() -> Setting<String> {
    Setting::new(DEFAULT_FILTER.to_owned(), &format!("`\"{DEFAULT_FILTER}\"`"), "levels and targets", |fields, key| {
        let filter = fields.located_string(key)?;
        if let Err(error) = tracing_subscriber::EnvFilter::builder().parse(&filter.value) {
            let help = "write levels and targets with commas between them: `info,belvedere=debug`";
            fields.sink.report(&filter.location, format!("`filter` cannot be read: {error}"), help);
            return None;
        }
        Some(filter.value)
    })
}
