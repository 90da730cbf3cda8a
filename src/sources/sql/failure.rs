//! Errors of databases, in words that name the server and nothing of its rows.

use std::error::Error;
use std::io;
use std::time::Duration;

use sqlx::error::DatabaseError;

use crate::config::format_duration;
use crate::sources::SourceError;
use crate::sources::text::truncated;
use crate::tls::{TlsExplanation, explain};

/// Characters of a database's own words.
const MAX_MESSAGE_CHARS: usize = 300;

const CREDENTIALS: &str = "refuses the user or the password of the url, or that it connects from here; correct them";
const NO_DATABASE: &str = "has no such database as the url names";
const BUSY: &str = "has no connection left; raise its limit of connections, or lower `connections`";

/// The errors of MySQL and MariaDB that are a query's fault, among those without a SQLSTATE of their own: a wrong use of groups or
/// indexes, wrong arguments and types, a mix of collations, and what cannot be prepared.
const MYSQL_QUERY_FAULTS: [u16; 9] = [1111, 1191, 1210, 1221, 1267, 1270, 1271, 1295, 4078];

/// The error when there is no connection to `name`.
pub(super) fn connect_error(name: &str, error: &sqlx::Error) -> SourceError {
    match error {
        sqlx::Error::Database(error) => database_connect_error(name, &**error),
        sqlx::Error::Io(error) => io_error(name, error),
        sqlx::Error::Tls(error) => match error.downcast_ref::<rustls::Error>() {
            Some(error) => tls_error(name, error),
            None => SourceError::Unreachable(format!("{name} cannot be spoken to by TLS: {}", words(&error.to_string()))),
        },
        other => SourceError::Unreachable(format!("{name} cannot be connected to: {}", words(&other.to_string()))),
    }
}

fn database_connect_error(name: &str, error: &dyn DatabaseError) -> SourceError {
    let code = error.code().unwrap_or_default();
    let number = mysql_number(error);
    match (&*code, number) {
        ("28000" | "28P01", _) | (_, Some(1044 | 1045 | 1130 | 1698)) => SourceError::Refused(format!("{name} {CREDENTIALS}")),
        ("3D000", _) | (_, Some(1049)) => SourceError::Refused(format!("{name} {NO_DATABASE}")),
        ("53300", _) | (_, Some(1040 | 1203)) => SourceError::Unreachable(format!("{name} {BUSY}")),
        ("57P01" | "57P02" | "57P03", _) => SourceError::Unreachable(format!("{name} is starting or stopping")),
        // A file.
        ("14", _) => SourceError::Unreachable(format!("{name} cannot be opened; let the program's user read it")),
        ("26" | "11", _) => SourceError::Broken(format!("{name} is no SQLite file, or damaged")),
        _ => SourceError::Unreachable(format!("{name} refuses the connection: {}", words(error.message()))),
    }
}

fn io_error(name: &str, error: &io::Error) -> SourceError {
    let inner = error.get_ref().and_then(|inner| (inner as &(dyn Error + 'static)).downcast_ref::<rustls::Error>());
    if let Some(error) = inner {
        return tls_error(name, error);
    }
    SourceError::Unreachable(match error.kind() {
        io::ErrorKind::ConnectionRefused => format!("{name} refused the connection"),
        io::ErrorKind::NotFound => format!("{name} is not there"),
        io::ErrorKind::PermissionDenied => format!("{name} may not be opened by the program's user"),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            format!("{name} cannot be reached from here: there is no way to it")
        }
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            format!("{name} broke the connection off")
        }
        _ => format!("{name} cannot be reached: {}", words(&error.to_string())),
    })
}

fn tls_error(name: &str, error: &rustls::Error) -> SourceError {
    let TlsExplanation { reason, remedy, is_certificate } = explain(error);
    let kind = if is_certificate { "cannot be trusted" } else { "cannot be spoken to by TLS" };
    let remedy = remedy.map(|remedy| format!("; {remedy}")).unwrap_or_default();
    SourceError::Unreachable(format!("{name} {kind}: {reason}{remedy}"))
}

/// The error of a statement on PostgreSQL (its manual, appendix A). `place` is where in the query it is.
pub(super) fn postgres_error(name: &str, error: &sqlx::Error, timeout: Duration, place: Option<String>) -> SourceError {
    let sqlx::Error::Database(error) = error else { return broken(name, error) };
    let (code, message) = (error.code().unwrap_or_default(), words(error.message()));
    let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
    match &*code {
        "57014" => timed_out(name, timeout),
        "42501" => SourceError::Refused(format!("the user of the url may not read this: {message}{place}")),
        "25001" | "25006" => SourceError::BadQuery(format!("a query only reads: {message}{place}")),
        "42883" | "42804" | "42P18" => SourceError::BadQuery(format!(
            "{message}{place}; an input's value is a text: write its type behind it, as in $city::int"
        )),
        _ if code.starts_with("42") || code == "0A000" => SourceError::BadQuery(format!("{message}{place}")),
        // What RAISE says may have a value in it.
        "P0001" => SourceError::BadQuery(format!("a function that it calls raised an error (SQLSTATE {code}){place}")),
        // Messages of these classes show values.
        _ if code.starts_with("22") || code.starts_with("23") => {
            SourceError::BadQuery(format!("a value cannot be converted or calculated with (SQLSTATE {code}){place}"))
        }
        _ if code.starts_with("08") || code.starts_with("57") => {
            SourceError::Unreachable(format!("{name} broke the connection off: {message}"))
        }
        _ => SourceError::BadAnswer(format!("{name} could not answer: {message} (SQLSTATE {code}){place}")),
    }
}

/// The error of a statement on MySQL or MariaDB (their manuals, server errors).
pub(super) fn mysql_error(name: &str, error: &sqlx::Error, timeout: Duration) -> SourceError {
    let sqlx::Error::Database(error) = error else { return broken(name, error) };
    let (number, message) = (mysql_number(&**error).unwrap_or_default(), words(error.message()));
    let state = error.code().unwrap_or_default();
    match number {
        1317 | 1969 | 3024 => timed_out(name, timeout),
        1142 | 1143 | 1044 | 1045 | 1227 | 1370 => {
            SourceError::Refused(format!("the user of the url may not read this: {message}"))
        }
        1792 | 1290 => SourceError::BadQuery(format!("a query only reads: {message}")),
        1053 | 1927 => SourceError::Unreachable(format!("{name} is stopping")),
        1205 | 1213 => SourceError::TimedOut(format!("{name}: others hold what the query waits for")),
        _ if state.starts_with("42") => SourceError::BadQuery(message),
        // Messages of the others may show values.
        _ if ["21", "22", "23"].iter().any(|class| state.starts_with(*class)) || MYSQL_QUERY_FAULTS.contains(&number) => {
            SourceError::BadQuery(format!("{name} could not execute it (error {number}, SQLSTATE {state})"))
        }
        // What is not known to be the query's fault is the server's: a full disk, no memory.
        _ => SourceError::BadAnswer(format!("{name} could not execute it (error {number}, SQLSTATE {state})")),
    }
}

/// The error of a statement on an SQLite file (its result codes).
pub(super) fn sqlite_error(name: &str, error: &sqlx::Error, timeout: Duration) -> SourceError {
    let sqlx::Error::Database(error) = error else { return broken(name, error) };
    let code = error.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or_default();
    let message = words(error.message());
    // The low byte is the class.
    match code & 0xff {
        5 | 6 => SourceError::TimedOut(format!("{name} is locked by another program")),
        9 => timed_out(name, timeout),
        8 => SourceError::BadQuery(format!("a query only reads: {message}")),
        11 | 26 => SourceError::Broken(format!("{name} is no SQLite file, or damaged")),
        10 | 14 => SourceError::Unreachable(format!("{name} cannot be read: {message}")),
        7 | 13 => SourceError::BadAnswer(format!("{name}: there is no memory or disk left for the query: {message}")),
        _ => SourceError::BadQuery(message),
    }
}

fn broken(name: &str, error: &sqlx::Error) -> SourceError {
    match error {
        sqlx::Error::Io(error) => io_error(name, error),
        sqlx::Error::Protocol(message) => SourceError::BadAnswer(format!("{name}: {}", words(message))),
        // It may have a value in it.
        _ => SourceError::BadAnswer(format!("{name} gave an answer that cannot be read")),
    }
}

/// The error of a database that has not answered in time.
pub(super) fn timed_out(name: &str, timeout: Duration) -> SourceError {
    SourceError::TimedOut(format!("{name} did not answer within {} (timeout)", format_duration(timeout)))
}

/// The error of a database, or one of its hosts, that has not taken a connection in time.
pub(super) fn not_connected(name: &str, limit: Duration) -> SourceError {
    SourceError::TimedOut(format!("{name} did not take the connection within {}", format_duration(limit)))
}

fn mysql_number(error: &dyn DatabaseError) -> Option<u16> {
    Some(error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()?.number())
}

/// A database's own words, on one line.
fn words(message: &str) -> String {
    truncated(&message.split_whitespace().collect::<Vec<_>>().join(" "), MAX_MESSAGE_CHARS)
}
