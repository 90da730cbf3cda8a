//! OpenLDAP's slapd, one per test process.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::certificates::Authority;
use super::keeper;

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Where the people are that anybody may search for.
pub(crate) const BASE_DN: &str = "dc=example,dc=org";

/// Where nobody may search without saying who they are.
pub(crate) const CLOSED_BASE_DN: &str = "dc=closed,dc=org";

/// The account that may search everywhere.
pub(crate) const SERVICE_DN: &str = "cn=Belvedere\\, service,dc=closed,dc=org";

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

/// A running slapd with its people:
///
/// - `alice`, of `dash-ops-nyc`, which is nested in `dash-ops`, which is nested in `dash-all`, which is nested in
///   `dash-ops-nyc` again: a cycle.
/// - `bob`, of `dash-finance` (a `groupOfUniqueNames`) and, by `memberUid`, of the posix group `dash-posix`.
/// - two people who share the `uid` `twin`.
/// - `carol`, below [`CLOSED_BASE_DN`].
/// - everybody in [`AWKWARD`].
pub(crate) struct Slapd {
    /// The port of LDAP, on `127.0.0.1`.
    pub(crate) ldap_port: u16,
    /// The port of LDAPS, on `127.0.0.1` and, where there is IPv6, on `::1`.
    pub(crate) ldaps_port: u16,
    /// Whether it listens on `::1`.
    pub(crate) ipv6: bool,
    /// The CA that its certificate is from, which is made out to `localhost` and `::1`, and to no other address.
    pub(crate) ca_file: PathBuf,
}

/// The server; `None`, said loudly, where it cannot be started.
pub(crate) fn server() -> Option<&'static Slapd> {
    static SLAPD: OnceLock<io::Result<Slapd>> = OnceLock::new();
    keeper::started("slapd", SLAPD.get_or_init(Slapd::start))
}

impl Slapd {
    /// Its LDAPS URL.
    pub(crate) fn ldaps_url(&self) -> String {
        format!("ldaps://localhost:{}", self.ldaps_port)
    }

    /// Its LDAP URL.
    pub(crate) fn ldap_url(&self) -> String {
        format!("ldap://localhost:{}", self.ldap_port)
    }

    fn start() -> io::Result<Self> {
        let temporary = tempfile::Builder::new().prefix("belvedere-slapd-").tempdir()?;
        let folder = temporary.path();
        let authority = Authority::new();
        let ca_file = authority.write(&authority.issue(&["localhost", "::1"]), folder)?;
        for base in [BASE_DN, CLOSED_BASE_DN] {
            std::fs::create_dir(folder.join(base))?;
        }
        let conf = folder.join("slapd.conf");
        std::fs::write(&conf, configuration(folder))?;
        for (base, ldif) in [(BASE_DN, population()), (CLOSED_BASE_DN, closed_population())] {
            let file = folder.join("people.ldif");
            std::fs::write(&file, ldif)?;
            keeper::run(Command::new("slapadd").arg("-f").arg(&conf).args(["-b", base]).arg("-l").arg(&file))?;
        }
        let [plain, tls] = keeper::two_free_ports()?;
        let ipv6 = std::net::TcpListener::bind(("::1", tls)).is_ok();
        let mut urls = format!("ldap://127.0.0.1:{plain}/ ldaps://127.0.0.1:{tls}/");
        if ipv6 {
            urls = format!("{urls} ldaps://[::1]:{tls}/");
        }
        let mut slapd = Command::new("slapd");
        // A debug level, even none, keeps it in the foreground.
        slapd.args(["-d", "0", "-h", &urls]).arg("-f").arg(&conf);
        keeper::keep(&slapd, temporary)?;
        for port in [plain, tls] {
            keeper::wait_for(("127.0.0.1", port))?;
        }
        Ok(Self { ldap_port: plain, ldaps_port: tls, ipv6, ca_file })
    }
}

fn configuration(folder: &Path) -> String {
    let here = folder.display();
    let database = |base: &str, access: &str| {
        format!(
            "database mdb\nsuffix \"{base}\"\ndirectory \"{here}/{base}\"\nmaxsize 16777216\nindex objectClass eq\n{access}\n"
        )
    };
    let own_password = "access to attrs=userPassword by anonymous auth by * none";
    let everyone = database(BASE_DN, &format!("{own_password}\naccess to * by * read"));
    let closed =
        database(CLOSED_BASE_DN, &format!("require authc\n{own_password}\naccess to * by users read by * auth"));
    let schemas: String = ["core", "cosine", "inetorgperson", "nis"]
        .map(|schema| format!("include /etc/ldap/schema/{schema}.schema\n"))
        .concat();
    format!(
        "{schemas}pidfile {here}/slapd.pid\nargsfile {here}/slapd.args\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n\
         TLSCACertificateFile {here}/ca.pem\nTLSCertificateFile {here}/cert.pem\nTLSCertificateKeyFile {here}/key.pem\n\
         {everyone}{closed}"
    )
}

fn population() -> String {
    let mut ldif =
        format!("dn: {BASE_DN}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n\n");
    ldif += &person("Alice Archer", "alice");
    ldif += &person("Bob Baker", "bob");
    ldif += &person("Twin One", "twin");
    ldif += &person("Twin Two", "twin");
    for (cn, uid) in AWKWARD {
        ldif += &person(cn, uid);
    }
    let nyc: Vec<String> = AWKWARD.iter().map(|(cn, _)| *cn).chain(["Alice Archer", "dash-all"]).map(dn).collect();
    ldif += &group("groupOfNames", "member", "dash-ops-nyc", &nyc);
    ldif += &group("groupOfNames", "member", "dash-ops", &[dn("dash-ops-nyc")]);
    ldif += &group("groupOfNames", "member", "dash-all", &[dn("dash-ops")]);
    ldif += &group("groupOfNames", "member", "dash-ops-la", &[dn("Twin One")]);
    ldif += &group("groupOfUniqueNames", "uniqueMember", "dash-finance", &[dn("Bob Baker")]);
    let posix = format!("dn: {}\nobjectClass: posixGroup\ngidNumber: 1\nmemberUid: bob\n\n", dn("dash-posix"));
    ldif + &posix
}

fn closed_population() -> String {
    format!(
        "dn: {CLOSED_BASE_DN}\nobjectClass: dcObject\nobjectClass: organization\ndc: closed\no: Closed\n\n\
         dn: {SERVICE_DN}\nobjectClass: inetOrgPerson\nsn: service\nuserPassword: {PASSWORD}\n\n\
         dn: uid=carol,{CLOSED_BASE_DN}\nobjectClass: inetOrgPerson\ncn: Carol\nsn: Carol\nuserPassword: {PASSWORD}\n\n"
    )
}

fn person(cn: &str, uid: &str) -> String {
    format!(
        "dn:: {}\nobjectClass: inetOrgPerson\ncn:: {}\nsn:: {}\nuid:: {}\nuserPassword: {PASSWORD}\n\n",
        base64(dn(cn)),
        base64(cn),
        base64(cn),
        base64(uid)
    )
}

fn group(class: &str, attribute: &str, name: &str, members: &[String]) -> String {
    let members: Vec<String> = members.iter().map(|member| format!("{attribute}:: {}\n", base64(member))).collect();
    let members = members.concat();
    format!("dn: {}\nobjectClass: {class}\ncn: {name}\n{members}\n", dn(name))
}

/// Where an entry with this common name is.
fn dn(cn: &str) -> String {
    format!("cn={},{BASE_DN}", ldap3::dn_escape(cn))
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_STANDARD.encode(bytes)
}
