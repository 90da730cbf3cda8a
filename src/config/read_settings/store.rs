use std::path::PathBuf;
use std::time::Duration;

use super::super::client_identity::check_client_identity;
use super::super::files::secret;
use super::super::postgres_url::PostgresUrl;
use super::super::reader::Fields;
use super::super::setting::{DeclaredTable, Setting, ca_file, duration, integer, optional_file, settings};
use super::{MINUTE, SECOND};

settings! {
    /// Where everything is kept that must last. Without a URL: in files, in the folder `state`.
    #[derive(Clone, Debug)]
    pub struct StoreSettings, settled by StoreSettings::settle {
        /// A PostgreSQL database, which several servers can share: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. Of several hosts
        /// (`HOST:PORT,HOST:PORT`) the one that can be written to is used. Beyond this machine it is reached by TLS, and the server's
        /// certificate is verified; `?sslmode=disable` insists on doing without.
        pub url: Option<PostgresUrl> = database_url("url_file", "The file with that URL, which keeps the password out of the settings.", "\"/etc/belvedere/store-url\""),
        /// The same database, past a pooler that `url` leads to, such as PgBouncer in transaction mode: for what a pooler cannot do.
        pub direct_url: Option<PostgresUrl> = database_url("direct_url_file", "The file with that URL.", ""),
        /// PEM file with certificate authorities to trust besides the system's.
        pub ca_file: Option<PathBuf> = ca_file(),
        /// PEM file with a certificate that is shown to the database's servers (mutual TLS).
        pub client_certificate_file: Option<PathBuf> = optional_file("\"/etc/belvedere/store-client.pem\""),
        /// PEM file with the key of `client_certificate_file`, without a passphrase.
        pub client_key_file: Option<PathBuf> = optional_file("\"/etc/belvedere/store-client.key\""),
        // A statement takes a millisecond: ten at once are thousands a second. PostgreSQL takes 100 connections by default, from
        // all servers together.
        /// The largest number of connections of this server.
        pub connections: usize = integer(10, 1..=500),
        /// How long a connection may take.
        pub connect_timeout: Duration = duration(3 * SECOND, Duration::from_millis(100)..=MINUTE),
        /// How long a statement may take.
        pub statement_timeout: Duration = duration(5 * SECOND, Duration::from_millis(100)..=MINUTE),
    }
}

impl StoreSettings {
    /// Reports what needs a `url` and has none.
    fn settle(self, fields: &mut Fields<'_>) -> Self {
        let without_url = self.url.is_none() && fields.key_location("url").or(fields.key_location("url_file")).is_none();
        let direct = fields.key_location("direct_url").or(fields.key_location("direct_url_file"));
        if let Some(location) = direct.filter(|_| without_url) {
            let help = "set `url` to where the pooler is; without a pooler, `url` alone";
            fields.sink.report(&location, "there is a `direct_url`, but no `url`", help);
        }
        check_client_identity(fields);
        self
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self::defaults()
    }
}

/// The URL of a database, or the file that it stands in.
fn database_url(file_key: &'static str, about_file: &str, example: &str) -> Setting<Option<PostgresUrl>> {
    let read = move |fields: &mut Fields<'_>, key| {
        let Some(text) = secret(fields, key, file_key)? else { return Some(None) };
        match PostgresUrl::parse(text.value.expose()) {
            Ok(url) => Some(Some(url)),
            Err((message, help)) => {
                fields.sink.report(&text.location, message, help);
                None
            }
        }
    };
    Setting::new(None, "none", "URL", read)
        .such_as("\"postgres://belvedere@db.corp.example.com/belvedere\"")
        .beside(file_key, "path", about_file, example)
}
