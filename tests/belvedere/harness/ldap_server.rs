//! A running LDAP server of any make, and the people whom every make has in common.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::administrator::Administrator;
use super::ldif::LdifEntry;
use super::server_process;

/// Names that break clients: each is a common name and a `uid`. All are members of `dash-ops-nyc`.
pub(crate) const AWKWARD: &[(&str, &str)] = &[
    ("Müller, Jörg (Sales)", "jörg.müller"),
    ("O'Neil, Pat #1", "o'neil"),
    ("#hash first", "#hash"),
    ("back\\slash", "back\\slash"),
    ("star * and (parentheses)", "st*r"),
    ("plus + equals = quote \" semicolon ; <angles>", "par(en)s"),
    ("Space Cadet", "space cadet"),
    ("comma, comma", "two,commas"),
];

/// What differs from one make to the other.
pub(crate) struct LdapServerKind {
    /// The base of the people whom anybody may search for.
    pub(crate) base_dn: &'static str,
    /// The DN of the account that may do everything.
    pub(crate) root_dn: &'static str,
    /// Everybody's password.
    pub(crate) password: &'static str,
    /// The log, in its folder.
    pub(crate) log: &'static str,
    /// What follows the DN in the log's line for a bind.
    pub(crate) bind_ends: &'static str,
}

/// A running server.
pub(crate) struct LdapServer {
    pub(crate) kind: LdapServerKind,
    /// The port of LDAP, on `127.0.0.1`.
    pub(crate) ldap_port: u16,
    /// The port of LDAPS, likewise.
    pub(crate) ldaps_port: u16,
    /// The CA that its certificate is from, which is made out to `localhost`.
    pub(crate) ca_file: PathBuf,
    folder: PathBuf,
}

impl LdapServer {
    /// Starts `command`, which keeps its files in `folder` and listens at these ports, of LDAP and LDAPS.
    ///
    /// # Errors
    /// When it cannot be started, or does not listen in time.
    pub(crate) fn start(
        kind: LdapServerKind,
        command: &Command,
        folder: tempfile::TempDir,
        ca_file: PathBuf,
        [ldap_port, ldaps_port]: [u16; 2],
    ) -> std::io::Result<Self> {
        let path = folder.path().to_owned();
        server_process::spawn_supervised(command, folder)?;
        for port in [ldap_port, ldaps_port] {
            server_process::wait_for(("127.0.0.1", port))?;
        }
        Ok(Self { kind, ldap_port, ldaps_port, ca_file, folder: path })
    }

    /// Its LDAPS URL.
    pub(crate) fn ldaps_url(&self) -> String {
        format!("ldaps://localhost:{}", self.ldaps_port)
    }

    /// Its LDAP URL.
    pub(crate) fn ldap_url(&self) -> String {
        format!("ldap://localhost:{}", self.ldap_port)
    }

    /// Somebody who may change everything.
    pub(crate) fn administrator(&self) -> Administrator {
        // Plain: its tools take `localhost` in a certificate for this machine's own name.
        let (url, ca_file) = (self.ldap_url(), self.ca_file.clone());
        Administrator { url, ca_file, name: self.kind.root_dn.to_owned(), password: self.kind.password }
    }

    /// Adds somebody whom no other test knows: `name` is the common name and the `uid`.
    pub(crate) fn hire(&self, name: &str) {
        self.hire_below(self.kind.base_dn, name);
    }

    /// Adds somebody below another base.
    pub(crate) fn hire_below(&self, base: &str, name: &str) {
        self.administrator().apply(&person(base, name, name, self.kind.password).ldif()).unwrap();
    }

    /// How many binds with this DN have reached the server, by its own log.
    pub(crate) fn binds(&self, dn: &str) -> usize {
        let log = fs::read(Path::new(&self.folder).join(self.kind.log)).unwrap();
        let bind = format!(" BIND dn=\"{dn}\" {}", self.kind.bind_ends);
        String::from_utf8_lossy(&log).lines().filter(|line| line.contains(&bind)).count()
    }
}

/// The people and groups that every server has below its base, as LDIF:
///
/// - `alice`, of `dash-ops-nyc`, which is nested in `dash-ops`, which is nested in `dash-all`, which is nested in
///   `dash-ops-nyc` again: a cycle.
/// - `bob`, of `dash-finance` (a `groupOfUniqueNames`) and, by `memberUid`, of the posix group `dash-posix`.
/// - two people who share the `uid` `twin`.
/// - everybody in [`AWKWARD`].
pub(crate) fn population(base: &str, password: &str) -> String {
    let dn = |cn: &str| dn_below(base, cn);
    let mut ldif = String::new();
    let plain = [("Alice Archer", "alice"), ("Bob Baker", "bob"), ("Twin One", "twin"), ("Twin Two", "twin")];
    for (cn, uid) in plain.iter().chain(AWKWARD) {
        ldif += &person(base, cn, uid, password).ldif();
    }
    let nyc: Vec<String> = AWKWARD.iter().map(|(cn, _)| *cn).chain(["Alice Archer", "dash-all"]).map(dn).collect();
    ldif += &group(base, "groupOfNames", "dash-ops-nyc").with_all("member", &nyc).ldif();
    ldif += &group(base, "groupOfNames", "dash-ops").with("member", dn("dash-ops-nyc")).ldif();
    ldif += &group(base, "groupOfNames", "dash-all").with("member", dn("dash-ops")).ldif();
    ldif += &group(base, "groupOfNames", "dash-ops-la").with("member", dn("Twin One")).ldif();
    ldif += &group(base, "groupOfUniqueNames", "dash-finance").with("uniqueMember", dn("Bob Baker")).ldif();
    ldif + &group(base, "posixGroup", "dash-posix").with("gidNumber", "1").with("memberUid", "bob").ldif()
}

/// An account of the program itself.
pub(crate) fn service(dn: &str, password: &str) -> LdifEntry {
    LdifEntry::at(dn).with("objectClass", "inetOrgPerson").with("sn", "service").with("userPassword", password)
}

/// Somebody to add.
pub(crate) fn person(base: &str, cn: &str, uid: &str, password: &str) -> LdifEntry {
    LdifEntry::at(&dn_below(base, cn))
        .with("objectClass", "inetOrgPerson")
        .with("cn", cn)
        .with("sn", cn)
        .with("uid", uid)
        .with("userPassword", password)
}

/// A group to add.
pub(crate) fn group(base: &str, class: &str, name: &str) -> LdifEntry {
    LdifEntry::at(&dn_below(base, name)).with("objectClass", class).with("cn", name)
}

/// The DN of an entry with this common name, below a base.
pub(crate) fn dn_below(base: &str, cn: &str) -> String {
    format!("cn={},{base}", ldap3::dn_escape(cn))
}
