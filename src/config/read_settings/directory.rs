use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;

use super::super::client_identity::check_client_identity;
use super::super::directory_settings::{DirectoryKind, DirectoryServers, ServiceAccount};
use super::super::files::{peek_path, secret};
use super::super::filter_template::{FilterTemplate, InvalidFilter};
use super::super::hints::quote;
use super::super::reader::Fields;
use super::super::setting::{
    DeclaredTable, Setting, SettingRow, boolean, ca_file, duration, integer, optional_file, settings, tls_fingerprint, word,
};
use super::super::tree::ConfigEntry;
use super::servers::{read_dns, reject_plaintext, servers};
use super::{DAY, MINUTE, SECOND};
use crate::domain::{CertificateFingerprint, DirectoryName, Dn, Password, Realm};

/// The timeouts: nothing over a network is sure to be quicker, and somebody is waiting before the sign-in form.
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(100)..=MINUTE;

const KINDS: [(&str, DirectoryKind); 2] = [("active-directory", DirectoryKind::ActiveDirectory), ("ldap", DirectoryKind::Ldap)];

settings! {
    /// The settings of one directory: where it is and how to query it.
    #[derive(Clone, Debug)]
    pub struct DirectorySettings, settled by DirectorySettings::settle {
        /// `ldaps://`, `ldap://`, or `ldaps+srv://DOMAIN` to find the servers by DNS.
        pub servers as url: DirectoryServers = servers(),
        /// DNS servers to use instead of the system's, with a port if it is not 53.
        pub dns: Vec<SocketAddr> = Setting::new(Vec::new(), "`[]`", "list of addresses", read_dns).such_as("[\"10.0.0.53\"]"),
        /// For `ldap://` URLs: encrypt the connection with StartTLS.
        pub start_tls: bool = boolean(false),
        /// PEM file with the certificate authorities to trust instead of the system's, or with the servers' own certificates.
        pub ca_file: Option<PathBuf> = ca_file(),
        /// Trust the certificates with these SHA-256 fingerprints and no others, whatever names are in them and `ca_file` says.
        pub tls_fingerprint: Vec<CertificateFingerprint> = tls_fingerprint(),
        /// PEM file with a certificate that is shown to the directory's servers (mutual TLS).
        pub client_certificate_file: Option<PathBuf> = optional_file("\"/etc/belvedere/ldap-client.pem\""),
        /// PEM file with the key of `client_certificate_file`, without a passphrase.
        pub client_key_file: Option<PathBuf> = optional_file("\"/etc/belvedere/ldap-client.key\""),
        /// Whether passwords may leave this machine unencrypted.
        pub allow_plaintext: bool = boolean(false),
        /// The service account: a DN, `name@domain` or `DOMAIN\name`. Without it people search as themselves.
        pub service_account as bind_name: Option<ServiceAccount> = service_account(),
        /// What kind of directory it is.
        pub kind: Option<DirectoryKind> = word(&KINDS).optional().shown_as("detected").such_as("\"ldap\""),
        /// Where searches begin.
        pub base_dn: Option<String> = base_dn(),
        /// Finds a person by the name they type, `{username}`.
        pub person_filter: Option<FilterTemplate> =
            filter(&["username"], "\"(&(objectClass=inetOrgPerson)(uid={username}))\""),
        /// Finds the groups of a person, by `{dn}` or `{username}`.
        pub group_filter: Option<FilterTemplate> =
            filter(&["dn", "username"], "\"(&(objectClass=groupOfNames)(member={dn}))\""),
        // Off by default, as people may often set their own.
        /// Whether people can sign in with their mail address. On Active Directory it needs a service account. It cannot be
        /// combined with `person_filter`.
        pub sign_in_by_mail: bool = boolean(false),
        /// Whether people can change their passwords in Belvedere, if the directory supports it.
        pub password_change: bool = boolean(true),
        // A week, so that none runs out over a holiday weekend unannounced; whoever wants to be told earlier than a year before
        // changes their password now.
        /// How long before their password expires people are told.
        pub password_warning: Duration = duration(7 * DAY, Duration::ZERO..=365 * DAY),
        // Sixteen concurrent binds are some thousand a second. The most are well below the 5,000 that a domain controller
        // allows.
        /// The number of connections for searches, and as many again for checking passwords.
        pub connections: usize = integer(16, 1..=256),
        // Enough on a slow line; a dead server must not hold up a sign-in for longer.
        /// Time limit for connecting to one server: name look-up, TCP and TLS.
        pub dial_timeout: Duration = duration(2 * SECOND, TIMEOUTS),
        // A search in a large domain, with room to spare; beyond this people take it for broken.
        /// Time limit for a sign-in as a whole.
        pub operation_timeout: Duration = duration(5 * SECOND, TIMEOUTS),
    }
}

impl DirectorySettings {
    /// The defaults, with these servers.
    pub fn with_servers(servers: DirectoryServers) -> Self {
        Self { servers, ..Self::defaults() }
    }

    /// Checks that the keys go together.
    fn settle(self, fields: &Fields<'_>) -> Self {
        if !self.start_tls && !self.allow_plaintext {
            reject_plaintext(&self.servers, fields);
        }
        check_sign_in_by_mail(&self, fields);
        check_client_identity(fields);
        self
    }
}

/// Checks that `sign_in_by_mail` goes together with the rest of the table.
fn check_sign_in_by_mail(settings: &DirectorySettings, fields: &Fields<'_>) {
    let location = fields.key_location("sign_in_by_mail");
    let (true, Some(location)) = (settings.sign_in_by_mail, location) else { return };
    // Active Directory shows nobody to strangers, and takes no mail address in a bind.
    if settings.service_account.is_none() && settings.kind != Some(DirectoryKind::Ldap) {
        let help = "set `bind_name` and `bind_password_file`; or write `kind = \"ldap\"`, if it is another server than \
                    Active Directory and strangers may search there";
        fields.sink.report(&location, "`sign_in_by_mail` needs an account that finds out whose address it is", help);
    } else if settings.person_filter.is_some() {
        let help = "write the address into the filter, as in `(|(uid={username})(mail={username}))`, and take \
                    `sign_in_by_mail` out";
        fields.sink.report(&location, "`sign_in_by_mail` means nothing beside a `person_filter`, which says it all", help);
    }
}

/// A directory beside the default one.
#[derive(Clone, Debug)]
pub struct AdditionalDirectory {
    /// The domain names and principal suffixes whose people it has (`BRAND`, `brand.example`). Never empty; no two
    /// directories share one.
    pub domains: Vec<String>,
    /// Where it is and how to query it.
    pub settings: DirectorySettings,
}

/// Further directories, in the order written.
pub(super) fn directories() -> Setting<IndexMap<DirectoryName, AdditionalDirectory>> {
    let domains = SettingRow {
        key: "domains",
        default: "required".to_owned(),
        values: "list of texts".to_owned(),
        about: "Its domains: what people type before `\\` or after `@`. Two directories cannot have the same one.".to_owned(),
        example: "[\"BRAND\", \"brand.example\"]".to_owned(),
        table: Vec::new(),
    };
    Setting::new(IndexMap::new(), "", "table", |fields, key| read_directories(fields.table(key)?)).with_keys(vec![SettingRow {
        key: "NAME",
        table: vec![domains],
        ..SettingRow::default()
    }])
}

fn read_directories(mut fields: Fields<'_>) -> Option<IndexMap<DirectoryName, AdditionalDirectory>> {
    let entries = fields.take_rest();
    let count = entries.len();
    let mut taken = Vec::new();
    let additional: IndexMap<_, _> =
        entries.into_iter().filter_map(|entry| read_additional(entry, &fields, &mut taken)).collect();
    (additional.len() == count).then_some(additional)
}

fn read_additional(
    entry: ConfigEntry,
    fields: &Fields<'_>,
    taken: &mut Vec<String>,
) -> Option<(DirectoryName, AdditionalDirectory)> {
    let sink = fields.sink;
    let name = match entry.key.as_str() {
        Realm::LOCAL => {
            let help = "give it another name; pages write `local\\admins` for the groups of local accounts";
            sink.report(&entry.key_location, "`local` stands for the program's own accounts", help);
            return None;
        }
        Realm::DEFAULT => {
            let help = "give it another name; pages may write `default\\` before the names of [default.directory]";
            sink.report(&entry.key_location, "`default` stands for the default directory", help);
            return None;
        }
        key => key.parse::<DirectoryName>().map_err(|error| {
            let message = format!("a directory cannot be called {}", quote(&entry.key));
            sink.report(&entry.key_location, message, error.to_string());
        }),
    };
    let mut table = entry.node.into_table(&entry.key, sink)?;
    table.require("domains", "say whose sign-ins go there: `domains = [\"BRAND\", \"brand.example\"]`");
    let domains = table.strings("domains");
    let settings = DirectorySettings::take_from(&mut table);
    table.finish();
    let domains = domains?;
    if domains.value.is_empty() {
        let help = "name at least one: a sign-in goes to one directory, chosen by what stands before `\\` or behind `@`";
        sink.report(&domains.location, "`domains` is empty, so nobody would ever sign in there", help);
        return None;
    }
    for domain in &domains.value {
        let lowercase = domain.value.to_lowercase();
        if lowercase == Realm::LOCAL {
            let message = format!("{} stands for the program's own accounts", quote(&domain.value));
            sink.report(&domain.location, message, "take it out: `local\\name` always signs in with a local account");
            return None;
        }
        if taken.contains(&lowercase) {
            let message = format!("{} stands for two directories", quote(&domain.value));
            sink.report(&domain.location, message, "a sign-in goes to one directory: take one out");
            return None;
        }
        taken.push(lowercase);
    }
    let domains = domains.value.into_iter().map(|domain| domain.value).collect();
    Some((name.ok()?, AdditionalDirectory { domains, settings: settings? }))
}

fn service_account() -> Setting<Option<ServiceAccount>> {
    Setting::new(None, "none", "text", |fields, _| read_account(fields))
        .such_as("\"svc-belvedere@corp.example.com\"")
        .beside("bind_password", "text", "Its password.", "")
        .beside("bind_password_file", "path", "The file with its password.", "\"/etc/belvedere/bind-password\"")
}

/// The account that searches: its name and its password, or neither.
#[expect(clippy::option_option, reason = "wrong, absent and present are three different answers")]
fn read_account(fields: &mut Fields<'_>) -> Option<Option<ServiceAccount>> {
    let name = fields.optional("bind_name", None, |fields, key| fields.located_string(key).map(Some));
    let password_file = peek_path(fields, "bind_password_file");
    let password = secret(fields, "bind_password", "bind_password_file");
    match (name?, password?) {
        (None, None) => Some(None),
        (Some(name), Some(password)) => match Password::parse(password.value.expose().to_owned()) {
            Ok(valid) => Some(Some(ServiceAccount { name: name.value, password: valid, password_file })),
            Err(error) => {
                fields.sink.report(&password.location, error.to_string(), "write the password of the account `bind_name`");
                None
            }
        },
        (Some(name), None) => {
            let help = "add `bind_password_file = \"…\"`, or take `bind_name` out: then people search as themselves";
            fields.sink.report(&name.location, "`bind_name` has no password", help);
            None
        }
        (None, Some(password)) => {
            let help = "add `bind_name = \"svc-belvedere@corp.example.com\"`, or take the password out";
            fields.sink.report(&password.location, "there is a password, but no `bind_name` that it belongs to", help);
            None
        }
    }
}

fn base_dn() -> Setting<Option<String>> {
    let read = |fields: &mut Fields<'_>, key| fields.parsed::<Dn>(key).map(|dn| Some(dn.value.as_str().to_owned()));
    Setting::new(None, "detected", "DN", read).such_as("\"ou=people,dc=example,dc=com\"")
}

/// An LDAP filter (RFC 4515) in which at least one of `placeholders` stands, and no other.
fn filter(placeholders: &'static [&str], example: &str) -> Setting<Option<FilterTemplate>> {
    let read = move |fields: &mut Fields<'_>, key| {
        let text = fields.located_string(key)?;
        match parse_filter(text.value.trim(), placeholders) {
            Ok(filter) => Some(Some(filter)),
            Err((message, help)) => {
                fields.sink.report(&text.location, format!("`{key}` {message}"), help);
                None
            }
        }
    };
    Setting::new(None, "by kind", "LDAP filter", read).such_as(example)
}

fn parse_filter(filter: &str, placeholders: &[&str]) -> Result<FilterTemplate, (String, String)> {
    let list = placeholders.iter().map(|name| format!("`{{{name}}}`")).collect::<Vec<_>>().join(" or ");
    let example = format!("as in `(&(objectClass=*)(name={{{}}}))`", placeholders[0]);
    let mut found = false;
    for piece in filter.split('{').skip(1) {
        let name = piece.split('}').next().unwrap_or_default();
        if !placeholders.contains(&name) {
            let message = format!("has the unknown placeholder {}", quote(&format!("{{{name}}}")));
            return Err((message, format!("write {list}, {example}")));
        }
        found = true;
    }
    if !found {
        return Err((format!("has no {list}, so it would find the same whoever signs in"), format!("put one in, {example}")));
    }
    filter.parse().map_err(|invalid: InvalidFilter| {
        let help = "write one filter in round brackets, each closed again: `(&(objectClass=person)(uid={username}))`";
        (format!("is {invalid}"), help.to_owned())
    })
}
