//! OpenLDAP's slapd, one per test process.

use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use jiff::{SignedDuration, Timestamp};

use super::certificates::TestAuthority;
use super::ldap_server::{self, LdapServer, LdapServerKind, group, population, service};
use super::ldif::LdifEntry;
use super::server_process;

pub(crate) use super::ldap_server::dn_below;

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

/// An account that may search everywhere, and is sent [`LIMITED_ENTRIES`] entries at the most, in pages or not.
pub(crate) const LIMITED_DN: &str = "cn=limited,dc=closed,dc=org";

/// An account that may search everywhere, and is refused pages.
pub(crate) const UNPAGED_DN: &str = "cn=unpaged,dc=closed,dc=org";

/// The most entries that [`LIMITED_DN`] is sent.
const LIMITED_ENTRIES: usize = 100;

/// The server, with the people of [`population`] and:
///
/// - `carol`, below [`CLOSED_BASE_DN`].
/// - `dora`, of `dash-ops-nyc`, nested in `dash-ops`, and `emil`, of `dash-finance`, below [`MEMBER_OF_BASE_DN`].
/// - `well`, `must-change`, `expired`, `expiring` (in three days) and `locked`, below [`POLICY_BASE_DN`].
///
/// Its certificate is made out to `localhost` and `::1`, where it listens too if there is IPv6, and to no other address. Wrong
/// passwords lock nobody but below [`POLICY_BASE_DN`]: hire somebody there. `None`, said loudly, where it cannot be started.
pub(crate) fn server() -> Option<&'static LdapServer> {
    static SLAPD: OnceLock<io::Result<LdapServer>> = OnceLock::new();
    server_process::started("slapd", SLAPD.get_or_init(start))
}

fn start() -> io::Result<LdapServer> {
    let temporary = tempfile::Builder::new().prefix("belvedere-slapd-").tempdir()?;
    let folder = temporary.path().to_owned();
    let authority = TestAuthority::new();
    let ca_file = authority.write(&authority.issue(&["localhost", "::1"]), &folder)?;
    let conf = folder.join("slapd.conf");
    std::fs::write(&conf, configuration(&folder))?;
    for base in [BASE_DN, CLOSED_BASE_DN, POLICY_BASE_DN, MEMBER_OF_BASE_DN] {
        std::fs::create_dir(folder.join(base))?;
    }
    let open_population = top(BASE_DN, "example") + &population(BASE_DN, PASSWORD);
    for (base, ldif) in
        [(BASE_DN, open_population), (CLOSED_BASE_DN, closed_population()), (POLICY_BASE_DN, aging_population())]
    {
        let file = folder.join("people.ldif");
        std::fs::write(&file, ldif)?;
        server_process::run(Command::new("slapadd").arg("-f").arg(&conf).args(["-b", base]).arg("-l").arg(&file))?;
    }
    let [plain, tls] = server_process::two_free_ports()?;
    let mut urls = format!("ldap://127.0.0.1:{plain}/ ldaps://127.0.0.1:{tls}/");
    if std::net::TcpListener::bind(("::1", tls)).is_ok() {
        urls = format!("{urls} ldaps://[::1]:{tls}/");
    }
    let mut slapd = Command::new("slapd");
    // A debug level keeps it in the foreground; this one is a line for every operation.
    slapd.args(["-d", "stats", "-h", &urls]).arg("-f").arg(&conf);
    // 128 is a simple bind; a second line, without it, tells that a bind went well.
    let (log, bind_ends) = (server_process::LOG, "method=128");
    let kind = LdapServerKind { base_dn: BASE_DN, root_dn: ROOT_DN, password: PASSWORD, log, bind_ends };
    let server = LdapServer::start(kind, &slapd, temporary, ca_file, [plain, tls])?;
    // The overlay sees only what is added while it runs.
    server.administrator().apply(&backlinked_population())?;
    Ok(server)
}

/// Another server, with the people of [`population`], that talks to nobody who shows no certificate of this authority's.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn demanding_certificates(authority: &TestAuthority) -> io::Result<LdapServer> {
    let temporary = tempfile::Builder::new().prefix("belvedere-slapd-").tempdir()?;
    let folder = temporary.path().to_owned();
    let ca_file = authority.write(&authority.issue(&["localhost"]), &folder)?;
    let (conf, people) = (folder.join("slapd.conf"), folder.join("people.ldif"));
    let database = database(
        &folder,
        BASE_DN,
        &format!(
            "rootpw \"{PASSWORD}\"\naccess to attrs=userPassword by self write by anonymous auth by * none\naccess to * by * read"
        ),
    );
    std::fs::write(&conf, format!("{}TLSVerifyClient demand\n{database}", preamble(&folder)))?;
    std::fs::create_dir(folder.join(BASE_DN))?;
    std::fs::write(&people, top(BASE_DN, "example") + &population(BASE_DN, PASSWORD))?;
    server_process::run(Command::new("slapadd").arg("-f").arg(&conf).args(["-b", BASE_DN]).arg("-l").arg(&people))?;
    let [plain, tls] = server_process::two_free_ports()?;
    let mut slapd = Command::new("slapd");
    slapd.args(["-d", "stats", "-h", &format!("ldap://127.0.0.1:{plain}/ ldaps://127.0.0.1:{tls}/")]).arg("-f").arg(&conf);
    let (log, bind_ends) = (server_process::LOG, "method=128");
    let kind = LdapServerKind { base_dn: BASE_DN, root_dn: ROOT_DN, password: PASSWORD, log, bind_ends };
    LdapServer::start(kind, &slapd, temporary, ca_file, [plain, tls])
}

fn configuration(folder: &Path) -> String {
    let database = |base: &str, more: &str| database(folder, base, more);
    let own_password = "access to attrs=userPassword by self write by anonymous auth by * none";
    let all_read = format!("{own_password}\naccess to * by * read");
    let everyone = database(BASE_DN, &format!("rootpw \"{PASSWORD}\"\n{all_read}"));
    let closed = database(CLOSED_BASE_DN, &format!("require authc\n{own_password}\naccess to * by users read by * auth"));
    let backlinked = database(MEMBER_OF_BASE_DN, &format!("{all_read}\noverlay memberof"));
    let aging = database(
        POLICY_BASE_DN,
        &format!("{all_read}\noverlay ppolicy\nppolicy_default \"cn=policy,{POLICY_BASE_DN}\"\nppolicy_use_lockout"),
    );
    format!("{}{everyone}{closed}{backlinked}{aging}", preamble(folder))
}

fn database(folder: &Path, base: &str, more: &str) -> String {
    format!(
        "database mdb\nsuffix \"{base}\"\ndirectory \"{}/{base}\"\nmaxsize 134217728\ndbnosync\n\
         limits dn.exact=\"{LIMITED_DN}\" size={LIMITED_ENTRIES} size.prtotal={LIMITED_ENTRIES}\n\
         limits dn.exact=\"{UNPAGED_DN}\" size=unlimited size.prtotal=disabled\n\
         index objectClass,uid,cn,member,uniqueMember,memberUid,entryUUID eq\nrootdn \"{ROOT_DN}\"\n{more}\n",
        folder.display()
    )
}

fn preamble(folder: &Path) -> String {
    let here = folder.display();
    let schemas: String =
        ["core", "cosine", "inetorgperson", "nis"].map(|schema| format!("include /etc/ldap/schema/{schema}.schema\n")).concat();
    let modules: String = ["back_mdb", "memberof", "ppolicy"].map(|module| format!("moduleload {module}\n")).concat();
    format!(
        "{schemas}pidfile {here}/slapd.pid\nargsfile {here}/slapd.args\nmodulepath /usr/lib/ldap\n{modules}\
         TLSCACertificateFile {here}/ca.pem\nTLSCertificateFile {here}/cert.pem\nTLSCertificateKeyFile {here}/key.pem\n"
    )
}

fn closed_population() -> String {
    let service = [SERVICE_DN, LIMITED_DN, UNPAGED_DN].map(|dn| service(dn, PASSWORD).ldif()).concat();
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
    ldap_server::person(base, cn, uid, PASSWORD)
}

/// The DN of an entry with this common name.
pub(crate) fn dn(cn: &str) -> String {
    dn_below(BASE_DN, cn)
}
