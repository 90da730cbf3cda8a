//! OpenLDAP's slapd, one per test process.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use jiff::{SignedDuration, Timestamp};

use super::administrator::Administrator;
use super::certificates::TestAuthority;
use super::ldif::LdifEntry;
use super::server_process;

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// The base of the people whom anybody may search for.
pub(crate) const BASE_DN: &str = "dc=example,dc=org";

/// The base below which nobody may search without a bind.
pub(crate) const CLOSED_BASE_DN: &str = "dc=closed,dc=org";

/// The base with the `memberOf` overlay: entries say which groups they are in, and groups are of the one class it knows.
pub(crate) const MEMBER_OF_BASE_DN: &str = "dc=memberof,dc=org";

/// The base with the `ppolicy` overlay: passwords age, and wrong ones are counted.
pub(crate) const POLICY_BASE_DN: &str = "dc=policy,dc=org";

/// The number of wrong passwords that lock an account below [`POLICY_BASE_DN`].
pub(crate) const LOCKOUT_THRESHOLD: u32 = 3;

/// The least length of a password there.
pub(crate) const MIN_PASSWORD_LENGTH: usize = 12;

/// How long a password is good there, and how long before its end its owner is warned.
const MAX_PASSWORD_AGE: SignedDuration = SignedDuration::from_hours(100 * 24);
const WARNING: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The DN of the account that may do everything.
const ROOT_DN: &str = "cn=root,dc=example,dc=org";

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
/// - `dora`, of `dash-ops-nyc`, nested in `dash-ops`, and `emil`, of `dash-finance`, below [`MEMBER_OF_BASE_DN`].
/// - `well`, `must-change`, `expired`, `expiring` (in three days) and `locked`, below [`POLICY_BASE_DN`].
/// - everybody in [`AWKWARD`].
///
/// Wrong passwords lock nobody but below [`POLICY_BASE_DN`]: hire somebody there.
pub(crate) struct Slapd {
    /// The port of LDAP, on `127.0.0.1`.
    pub(crate) ldap_port: u16,
    /// The port of LDAPS, on `127.0.0.1` and, where there is IPv6, on `::1`.
    pub(crate) ldaps_port: u16,
    /// Whether it listens on `::1`.
    pub(crate) ipv6: bool,
    /// The CA that its certificate is from, which is made out to `localhost` and `::1`, and to no other address.
    pub(crate) ca_file: PathBuf,
    folder: PathBuf,
}

/// The server; `None`, said loudly, where it cannot be started.
pub(crate) fn server() -> Option<&'static Slapd> {
    static SLAPD: OnceLock<io::Result<Slapd>> = OnceLock::new();
    server_process::started("slapd", SLAPD.get_or_init(Slapd::start))
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

    /// Somebody who may change everything.
    pub(crate) fn administrator(&self) -> Administrator {
        // Plain: its tools take `localhost` in a certificate for this machine's own name.
        let (url, ca_file) = (self.ldap_url(), self.ca_file.clone());
        Administrator { url, ca_file, name: ROOT_DN.to_owned(), password: PASSWORD }
    }

    /// Adds somebody whom no other test knows: `name` is the common name and the `uid`.
    pub(crate) fn hire(&self, name: &str) {
        self.hire_below(BASE_DN, name);
    }

    /// Adds somebody below another base.
    pub(crate) fn hire_below(&self, base: &str, name: &str) {
        self.administrator().apply(&person(base, name, name).ldif()).unwrap();
    }

    /// How many binds with this DN have reached the server, by its own log.
    pub(crate) fn binds(&self, dn: &str) -> usize {
        let log = std::fs::read(self.folder.join(server_process::LOG)).unwrap();
        // 128 is a simple bind; a second line, without it, tells that a bind went well.
        let bind = format!(" BIND dn=\"{dn}\" method=128");
        String::from_utf8_lossy(&log).lines().filter(|line| line.contains(&bind)).count()
    }

    fn start() -> io::Result<Self> {
        let temporary = tempfile::Builder::new().prefix("belvedere-slapd-").tempdir()?;
        let folder = temporary.path().to_owned();
        let authority = TestAuthority::new();
        let ca_file = authority.write(&authority.issue(&["localhost", "::1"]), &folder)?;
        let conf = folder.join("slapd.conf");
        std::fs::write(&conf, configuration(&folder))?;
        for base in [BASE_DN, CLOSED_BASE_DN, POLICY_BASE_DN, MEMBER_OF_BASE_DN] {
            std::fs::create_dir(folder.join(base))?;
        }
        for (base, ldif) in
            [(BASE_DN, population()), (CLOSED_BASE_DN, closed_population()), (POLICY_BASE_DN, aging_population())]
        {
            let file = folder.join("people.ldif");
            std::fs::write(&file, ldif)?;
            server_process::run(Command::new("slapadd").arg("-f").arg(&conf).args(["-b", base]).arg("-l").arg(&file))?;
        }
        let [plain, tls] = server_process::two_free_ports()?;
        let ipv6 = std::net::TcpListener::bind(("::1", tls)).is_ok();
        let mut urls = format!("ldap://127.0.0.1:{plain}/ ldaps://127.0.0.1:{tls}/");
        if ipv6 {
            urls = format!("{urls} ldaps://[::1]:{tls}/");
        }
        let mut slapd = Command::new("slapd");
        // A debug level keeps it in the foreground; this one is a line for every operation.
        slapd.args(["-d", "stats", "-h", &urls]).arg("-f").arg(&conf);
        server_process::spawn_supervised(&slapd, temporary)?;
        for port in [plain, tls] {
            server_process::wait_for(("127.0.0.1", port))?;
        }
        let server = Self { ldap_port: plain, ldaps_port: tls, ipv6, ca_file, folder };
        // The overlay sees only what is added while it runs.
        server.administrator().apply(&backlinked_population())?;
        Ok(server)
    }
}

fn configuration(folder: &Path) -> String {
    let here = folder.display();
    let database = |base: &str, more: &str| {
        format!(
            "database mdb\nsuffix \"{base}\"\ndirectory \"{here}/{base}\"\nmaxsize 67108864\ndbnosync\n\
             index objectClass,uid,cn,member,uniqueMember,memberUid,entryUUID eq\nrootdn \"{ROOT_DN}\"\n{more}\n"
        )
    };
    let own_password = "access to attrs=userPassword by self write by anonymous auth by * none";
    let all_read = format!("{own_password}\naccess to * by * read");
    let everyone = database(BASE_DN, &format!("rootpw \"{PASSWORD}\"\n{all_read}"));
    let closed = database(CLOSED_BASE_DN, &format!("require authc\n{own_password}\naccess to * by users read by * auth"));
    let backlinked = database(MEMBER_OF_BASE_DN, &format!("{all_read}\noverlay memberof"));
    let aging = database(
        POLICY_BASE_DN,
        &format!("{all_read}\noverlay ppolicy\nppolicy_default \"cn=policy,{POLICY_BASE_DN}\"\nppolicy_use_lockout"),
    );
    let schemas: String =
        ["core", "cosine", "inetorgperson", "nis"].map(|schema| format!("include /etc/ldap/schema/{schema}.schema\n")).concat();
    let modules: String = ["back_mdb", "memberof", "ppolicy"].map(|module| format!("moduleload {module}\n")).concat();
    format!(
        "{schemas}pidfile {here}/slapd.pid\nargsfile {here}/slapd.args\nmodulepath /usr/lib/ldap\n{modules}\
         TLSCACertificateFile {here}/ca.pem\nTLSCertificateFile {here}/cert.pem\nTLSCertificateKeyFile {here}/key.pem\n\
         {everyone}{closed}{backlinked}{aging}"
    )
}

fn population() -> String {
    let mut ldif = top(BASE_DN, "example");
    for (cn, uid) in [("Alice Archer", "alice"), ("Bob Baker", "bob"), ("Twin One", "twin"), ("Twin Two", "twin")] {
        ldif += &person(BASE_DN, cn, uid).ldif();
    }
    for (cn, uid) in AWKWARD {
        ldif += &person(BASE_DN, cn, uid).ldif();
    }
    let nyc: Vec<String> = AWKWARD.iter().map(|(cn, _)| *cn).chain(["Alice Archer", "dash-all"]).map(dn).collect();
    ldif += &group(BASE_DN, "groupOfNames", "dash-ops-nyc").with_all("member", &nyc).ldif();
    ldif += &group(BASE_DN, "groupOfNames", "dash-ops").with("member", dn("dash-ops-nyc")).ldif();
    ldif += &group(BASE_DN, "groupOfNames", "dash-all").with("member", dn("dash-ops")).ldif();
    ldif += &group(BASE_DN, "groupOfNames", "dash-ops-la").with("member", dn("Twin One")).ldif();
    ldif += &group(BASE_DN, "groupOfUniqueNames", "dash-finance").with("uniqueMember", dn("Bob Baker")).ldif();
    ldif + &group(BASE_DN, "posixGroup", "dash-posix").with("gidNumber", "1").with("memberUid", "bob").ldif()
}

fn closed_population() -> String {
    let service = LdifEntry::at(SERVICE_DN)
        .with("objectClass", "inetOrgPerson")
        .with("sn", "service")
        .with("userPassword", PASSWORD)
        .ldif();
    let carol = LdifEntry::at(&format!("uid=carol,{CLOSED_BASE_DN}"))
        .with("objectClass", "inetOrgPerson")
        .with("cn", "Carol")
        .with("sn", "Carol")
        .with("userPassword", PASSWORD)
        .ldif();
    top(CLOSED_BASE_DN, "closed") + &service + &carol
}

fn backlinked_population() -> String {
    let at = |cn: &str| dn_below(MEMBER_OF_BASE_DN, cn);
    let mut ldif = top(MEMBER_OF_BASE_DN, "memberof");
    for name in ["dora", "emil"] {
        ldif += &person(MEMBER_OF_BASE_DN, name, name).ldif();
    }
    for (name, member) in [("dash-ops-nyc", "dora"), ("dash-ops", "dash-ops-nyc"), ("dash-finance", "emil")] {
        ldif += &group(MEMBER_OF_BASE_DN, "groupOfNames", name).with("member", at(member)).ldif();
    }
    ldif
}

/// The policy (draft-behera-ldap-password-policy) and the people under it.
fn aging_population() -> String {
    let ago = |age: SignedDuration| (Timestamp::now() - age).strftime("%Y%m%d%H%M%SZ").to_string();
    let policy = LdifEntry::at(&dn_below(POLICY_BASE_DN, "policy"))
        .with("objectClass", "device")
        .with("objectClass", "pwdPolicy")
        .with("cn", "policy")
        .with("pwdAttribute", "userPassword")
        .with("pwdLockout", "TRUE")
        .with("pwdMaxFailure", LOCKOUT_THRESHOLD.to_string())
        .with("pwdMustChange", "TRUE")
        .with("pwdAllowUserChange", "TRUE")
        .with("pwdMaxAge", MAX_PASSWORD_AGE.as_secs().to_string())
        .with("pwdExpireWarning", WARNING.as_secs().to_string())
        .with("pwdCheckQuality", "1")
        .with("pwdMinLength", MIN_PASSWORD_LENGTH.to_string())
        .with("pwdInHistory", "2");
    let aging = |name: &str| person(POLICY_BASE_DN, name, name);
    let (fresh, soon) = (SignedDuration::from_hours(1), SignedDuration::from_hours(3 * 24));
    let people = [
        aging("well").with("pwdChangedTime", ago(fresh)),
        aging("must-change").with("pwdChangedTime", ago(fresh)).with("pwdReset", "TRUE"),
        aging("expired").with("pwdChangedTime", ago(MAX_PASSWORD_AGE + fresh)),
        aging("expiring").with("pwdChangedTime", ago(MAX_PASSWORD_AGE - soon)),
        // Forever: only an administrator can unlock it.
        aging("locked").with("pwdChangedTime", ago(fresh)).with("pwdAccountLockedTime", "000001010000Z"),
    ];
    top(POLICY_BASE_DN, "policy") + &policy.ldif() + &people.map(LdifEntry::ldif).concat()
}

fn top(base: &str, name: &str) -> String {
    LdifEntry::at(base)
        .with("objectClass", "dcObject")
        .with("objectClass", "organization")
        .with("dc", name)
        .with("o", name)
        .ldif()
}

/// Somebody to add, with the usual password.
pub(crate) fn person(base: &str, cn: &str, uid: &str) -> LdifEntry {
    LdifEntry::at(&dn_below(base, cn))
        .with("objectClass", "inetOrgPerson")
        .with("cn", cn)
        .with("sn", cn)
        .with("uid", uid)
        .with("userPassword", PASSWORD)
}

fn group(base: &str, class: &str, name: &str) -> LdifEntry {
    LdifEntry::at(&dn_below(base, name)).with("objectClass", class).with("cn", name)
}

/// The DN of an entry with this common name.
pub(crate) fn dn(cn: &str) -> String {
    dn_below(BASE_DN, cn)
}

/// The DN of an entry with this common name, below another base.
pub(crate) fn dn_below(base: &str, cn: &str) -> String {
    format!("cn={},{base}", ldap3::dn_escape(cn))
}
