use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use super::address::SqlAddress;
use super::rows::RowLimits;
use crate::config::{Fields, Setting, SettingRow, ca_file, duration, integer, read_required_secret, size};

const URL: &str = "url";
const CA_FILE: &str = "ca_file";
const TIMEOUT: &str = "timeout";
const MAX_ROWS: &str = "max_rows";
const MAX_BYTES: &str = "max_bytes";
const CONNECTIONS: &str = "connections";
const RATE: &str = "rate";

/// The keys of a source of kind `sql`: `url` (or `url_file`), `ca_file`, `timeout`, `max_rows`, `max_bytes`, `connections`, `rate`.
#[derive(Debug)]
pub(super) struct SqlSettings {
    /// Where the database is.
    pub(super) address: SqlAddress,
    /// PEM certificates to trust instead of the system's.
    pub(super) ca_file: Option<PathBuf>,
    /// How long a query may take, with the wait for a connection.
    pub(super) timeout: Duration,
    /// How large an answer may be.
    pub(super) limits: RowLimits,
    /// How many connections there are at most.
    pub(super) connections: usize,
    /// How many queries a second there are at most.
    pub(super) rate: u32,
}

impl SqlSettings {
    /// Reads the keys out of a source's table, and reports what is wrong with them.
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let address = url().take_from(fields, URL);
        let ca_file = ca_file().take_from(fields, CA_FILE);
        let timeout = timeout().take_from(fields, TIMEOUT);
        let max_rows = max_rows().take_from(fields, MAX_ROWS);
        let max_bytes = max_bytes().take_from(fields, MAX_BYTES);
        let connections = connections().take_from(fields, CONNECTIONS);
        let rate = rate().take_from(fields, RATE);
        Some(Self {
            address: address??,
            ca_file: ca_file?,
            timeout: timeout?,
            limits: RowLimits { rows: max_rows?, bytes: max_bytes? },
            connections: connections?,
            rate: rate?,
        })
    }

    /// The reference of the keys.
    pub(super) fn rows() -> Vec<SettingRow> {
        let about_url = "The database: `postgres://USER:PASSWORD@HOST/DATABASE`, `mysql://USER:PASSWORD@HOST/DATABASE` (MariaDB \
                         too), or a file: `sqlite:///srv/shop.db`.";
        [
            url().into_rows(URL, about_url),
            ca_file().into_rows(
                CA_FILE,
                "PEM file with the certificate authorities to trust instead of the system's. The server's certificate has to be made out to the host of the URL.",
            ),
            timeout().into_rows(TIMEOUT, "Time limit for one query, with the wait for a connection. The server stops it then."),
            max_rows().into_rows(MAX_ROWS, "The most rows of one answer."),
            max_bytes().into_rows(MAX_BYTES, "The largest answer."),
            connections().into_rows(CONNECTIONS, "The most connections to the database, which is as many queries at the same time."),
            rate().into_rows(RATE, "The most queries a second, for all panels together. Strangers have at most half of them."),
        ]
        .concat()
    }
}

fn url() -> Setting<Option<SqlAddress>> {
    Setting::new(None, "required, or `url_file`", "URL", |fields, _| read_url(fields).map(Some))
        .always_read()
        .such_as("\"postgres://belvedere:PASSWORD@db.corp.example.com/shop\"")
        .beside("url_file", "path", "A file with the URL, as it contains a password.", "")
}

/// Long enough for a report, short enough that a panel soon shows a failure.
fn timeout() -> Setting<Duration> {
    duration(Duration::from_secs(10), Duration::from_millis(100)..=Duration::from_mins(5))
}

/// A month of minutes is 43,200 rows; a table of more than some hundred is not read by anybody.
fn max_rows() -> Setting<usize> {
    integer(10_000, 1..=100_000)
}

fn max_bytes() -> Setting<usize> {
    size(1024 * 1024, 1024..=64 * 1024 * 1024)
}

/// Few: a database has much else to do, and one connection answers some hundred short queries a second.
fn connections() -> Setting<usize> {
    integer(4, 1..=100)
}

/// As many as a page of a hundred panels asks that all move every second.
fn rate() -> Setting<u32> {
    integer(100, 1..=10_000)
}

fn read_url(fields: &mut Fields<'_>) -> Option<SqlAddress> {
    let from_file = fields.key_location("url_file").is_some();
    let help = "say where the database is: `url_file = \"shop-url\"`, a file with `postgres://belvedere:PASSWORD@db.corp.example.com/shop`";
    let url = read_required_secret(fields, "url", "url_file", help)?;
    match SqlAddress::parse(url.value.expose(), &url.location) {
        Ok(address) => Some(address),
        // The URL itself is not quoted: it has a password in it.
        Err((message, help)) => {
            let place = if from_file { "in the URL of the file: " } else { "" };
            fields.sink.report(&url.location, format!("{place}{message}"), help);
            None
        }
    }
}
