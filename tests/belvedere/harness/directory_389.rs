//! 389 Directory Server, one per test process.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::certificates::TestAuthority;
use super::ldap_server::{self, LdapServer, LdapServerKind};
use super::ldif::{LdifChange, LdifEntry};
use super::server_process;

/// Everybody's password.
pub(crate) const PASSWORD: &str = "Correct horse battery staple 389";

/// The base of the people. Anybody may search there.
pub(crate) const BASE_DN: &str = "dc=example,dc=net";

/// The account that may search; [`PASSWORD`] is its password too.
pub(crate) const SERVICE_DN: &str = "cn=Belvedere\\, service,dc=example,dc=net";

const ROOT_DN: &str = "cn=Directory Manager";

/// The package's files that every instance begins with.
const TEMPLATE: &str = "/usr/share/dirsrv/data/template-dse.ldif";
const COLLATIONS: &str = "/etc/dirsrv/config/slapd-collations.conf";
const OWN_SCHEMA: &str = "/etc/dirsrv/schema/99user.ldif";

/// The server, with the people of [`ldap_server::population`], who are known by `nsUniqueId` (there is no `entryUUID` unless an
/// administrator turns it on), and:
///
/// - `inactive`, by `nsAccountLock`; `must-change`, whose password was reset; `expired`, whose password was not
///   renewed in time; `expiring`, whose password lasts three more days. They are under a policy of their own.
///
/// Wrong passwords lock nobody here. `None`, said loudly, where it cannot be started.
pub(crate) fn server() -> Option<&'static LdapServer> {
    static SERVER: OnceLock<io::Result<LdapServer>> = OnceLock::new();
    server_process::started("389 Directory Server", SERVER.get_or_init(start))
}

fn start() -> io::Result<LdapServer> {
    let temporary = tempfile::Builder::new().prefix("belvedere-389-").tempdir()?;
    let folder = temporary.path().to_owned();
    let [plain, tls] = server_process::two_free_ports()?;
    let ca_file = lay_out(&folder, plain, tls)?;
    let mut command = Command::new("ns-slapd");
    // A debug level, even none, keeps it in the foreground.
    command.arg("-D").arg(folder.join("config")).args(["-d", "0"]);
    let (log, bind_ends) = ("log/access", "");
    let kind = LdapServerKind { base_dn: BASE_DN, root_dn: ROOT_DN, password: PASSWORD, log, bind_ends };
    let server = LdapServer::start(kind, &command, temporary, ca_file, [plain, tls])?;
    server.administrator().apply(&population())?;
    Ok(server)
}

/// Writes what an instance needs into `folder` and nowhere else: the system's own folders stay untouched.
fn lay_out(folder: &Path, plain: u16, tls: u16) -> io::Result<PathBuf> {
    for name in ["config/schema", "db", "log", "run", "tmp"] {
        fs::create_dir_all(folder.join(name))?;
    }
    fs::copy(COLLATIONS, folder.join("config/slapd-collations.conf"))?;
    fs::copy(OWN_SCHEMA, folder.join("config/schema/99user.ldif"))?;
    let authority = TestAuthority::new();
    let ca_file = authority.write(&authority.issue(&["localhost"]), folder)?;
    store_certificate(folder)?;
    let password = server_process::run(Command::new("pwdhash").args(["-s", "SSHA512", PASSWORD]))?;
    // It changes to this user; only root may name another than the one who starts it.
    let user = server_process::run(Command::new("id").arg("-un"))?;
    let here = folder.display();
    let mut settings = fs::read_to_string(TEMPLATE)?;
    for (key, value) in [
        ("schema_dir", format!("{here}/config/schema")),
        ("config_dir", format!("{here}/config")),
        ("cert_dir", format!("{here}/config")),
        ("lock_dir", format!("{here}/run")),
        ("run_dir", format!("{here}/run")),
        ("inst_dir", format!("{here}/run")),
        ("tmp_dir", format!("{here}/tmp")),
        ("ldif_dir", format!("{here}/tmp")),
        ("bak_dir", format!("{here}/tmp")),
        ("log_dir", format!("{here}/log")),
        ("db_dir", format!("{here}/db")),
        ("db_home_dir", format!("{here}/db")),
        ("db_lib", "bdb".to_owned()),
        ("fqdn", "localhost".to_owned()),
        ("ds_port", plain.to_string()),
        ("ds_user", user.trim().to_owned()),
        ("rootdn", ROOT_DN.to_owned()),
        ("ds_passwd", password.trim().to_owned()),
        ("ds_suffix", BASE_DN.to_owned()),
        ("ldapi", format!("{here}/run/ldapi")),
        ("ldapi_enabled", "off".to_owned()),
        ("ldapi_autobind", "off".to_owned()),
    ] {
        settings = settings.replace(&format!("%{key}%"), &value);
    }
    fs::write(folder.join("config/dse.ldif"), own_settings(&settings, tls))?;
    Ok(ca_file)
}

/// The configuration that differs from the package's default.
fn own_settings(settings: &str, tls: u16) -> String {
    let more = |dn: &str, lines: &str| (format!("dn: {dn}\n"), format!("dn: {dn}\n{lines}\n"));
    let (config, with_tls) = more(
        "cn=config",
        // The log unbuffered, as tests count its lines; a cheap hash, as they hire by the hundred.
        &format!(
            "nsslapd-security: on\nnsslapd-securePort: {tls}\nnsslapd-pwpolicy-local: on\n\
             nsslapd-accesslog-logbuffering: off\npasswordStorageScheme: SSHA512"
        ),
    );
    let settings = settings.replacen(&config, &with_tls, 1);
    // It refuses every `uid` that is not ASCII.
    let seven_bits = settings.find("dn: cn=7-bit check,").unwrap_or(settings.len());
    let (before, after) = settings.split_at(seven_bits);
    before.to_owned() + &after.replacen("nsslapd-pluginenabled: on", "nsslapd-pluginenabled: off", 1)
}

/// The certificate, its key and the CA, into the database in which the server's library keeps them.
fn store_certificate(folder: &Path) -> io::Result<()> {
    let database = format!("sql:{}", folder.join("config").display());
    let bundle = folder.join("identity.p12");
    let file = |name: &str| folder.join(name);
    server_process::run(Command::new("certutil").args(["-N", "--empty-password", "-d", &database]))?;
    server_process::run(
        Command::new("openssl")
            .args(["pkcs12", "-export", "-name", "Server-Cert", "-passout", "pass:", "-in"])
            .arg(file("cert.pem"))
            .arg("-inkey")
            .arg(file("key.pem"))
            .arg("-out")
            .arg(&bundle),
    )?;
    server_process::run(Command::new("pk12util").args(["-W", "", "-K", "", "-d", &database, "-i"]).arg(&bundle))?;
    server_process::run(
        Command::new("certutil").args(["-A", "-n", "CA", "-t", "CT,,", "-d", &database, "-i"]).arg(file("ca.pem")),
    )?;
    Ok(())
}

/// The database, everybody, the groups, and the policy, as LDIF.
fn population() -> String {
    let inactive = person("inactive").with("nsAccountLock", "true");
    database()
        + &ldap_server::population(BASE_DN, PASSWORD)
        + &ldap_server::service(SERVICE_DN, PASSWORD).ldif()
        + &inactive.ldif()
        + &watched()
}

fn database() -> String {
    let backend = LdifEntry::at("cn=people,cn=ldbm database,cn=plugins,cn=config")
        .with("objectClass", "extensibleObject")
        .with("objectClass", "nsBackendInstance")
        .with("cn", "people")
        .with("nsslapd-suffix", BASE_DN);
    let mapping = LdifEntry::at(&format!("cn=\"{BASE_DN}\",cn=mapping tree,cn=config"))
        .with("objectClass", "extensibleObject")
        .with("objectClass", "nsMappingTree")
        .with("cn", BASE_DN)
        .with("nsslapd-state", "backend")
        .with("nsslapd-backend", "people");
    let all_read = "(targetattr != \"userPassword\")(version 3.0; acl \"anybody reads\"; \
                    allow (read, search, compare) userdn = \"ldap:///anyone\";)";
    let own_password = "(targetattr = \"userPassword\")(version 3.0; acl \"everybody has a password of their own\"; \
                        allow (write) userdn = \"ldap:///self\";)";
    let base = LdifEntry::at(BASE_DN)
        .with("objectClass", "domain")
        .with("dc", "example")
        .with("aci", all_read)
        .with("aci", own_password);
    [backend, mapping, base].map(LdifEntry::ldif).concat()
}

/// Those whose passwords a policy watches.
fn watched() -> String {
    let policy = dn("strict");
    let mut ldif = LdifEntry::at(&policy)
        .with("objectClass", "ldapSubentry")
        .with("objectClass", "passwordPolicy")
        .with("passwordMustChange", "on")
        .with("passwordExp", "on")
        .with("passwordMaxAge", DAY.saturating_mul(100).to_string())
        .with("passwordWarning", DAY.saturating_mul(7).to_string())
        .with("passwordCheckSyntax", "on")
        .with("passwordMinLength", "12")
        .ldif();
    for name in ["must-change", "expired", "expiring"] {
        ldif += &person(name).with("pwdpolicysubentry", &policy).ldif();
    }
    // The policy does not hold yet while the entry is added.
    ldif += &LdifChange::at(&dn("must-change")).replace("userPassword", PASSWORD).ldif();
    let until = |time: jiff::Timestamp| time.strftime("%Y%m%d%H%M%SZ").to_string();
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(72);
    let past = jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(24);
    ldif += &LdifChange::at(&dn("expired")).replace("passwordExpirationTime", until(past)).ldif();
    ldif + &LdifChange::at(&dn("expiring")).replace("passwordExpirationTime", until(soon)).ldif()
}

/// A day in seconds.
const DAY: u32 = 24 * 60 * 60;

fn person(name: &str) -> LdifEntry {
    ldap_server::person(BASE_DN, name, name, PASSWORD)
}

/// The DN of an entry with this common name.
pub(crate) fn dn(cn: &str) -> String {
    ldap_server::dn_below(BASE_DN, cn)
}
