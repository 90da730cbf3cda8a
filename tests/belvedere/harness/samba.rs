//! A Samba Active Directory domain controller, one per test process.

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::certificates::Authority;
use super::keeper;

/// Everybody's password, but the administrator's.
pub(crate) const PASSWORD: &str = "Correct-Horse-7";

/// Who may read and change everything.
pub(crate) const ADMINISTRATOR: &str = "administrator@corp.example.com";

pub(crate) const ADMINISTRATOR_PASSWORD: &str = "Only-For-Tests-1";

/// The account that may search; [`PASSWORD`] is its password too.
pub(crate) const SERVICE_ACCOUNT: &str = "svc-belvedere@corp.example.com";

/// The DNS name of the domain.
pub(crate) const DNS_DOMAIN: &str = "corp.example.com";

/// The NetBIOS name of the domain.
pub(crate) const NETBIOS_DOMAIN: &str = "CORP";

/// Where searches begin.
pub(crate) const BASE_DN: &str = "DC=corp,DC=example,DC=com";

/// Names that break clients: each is a common name and an account name. All are members of `dash-ops-nyc`.
pub(crate) const AWKWARD: &[(&str, &str)] = &[
    ("Müller, Jörg (Sales)", "jörg.müller"),
    ("O'Neil, Pat #1", "o'neil"),
    ("#hash first", "#hash"),
    ("back\\slash", "back.slash"),
    ("star * and (parentheses)", "par(en)s"),
    ("plus + equals = quote \" semicolon ; <angles>", "plus"),
    ("Space Cadet", "space cadet"),
    ("comma, comma", "two.commas"),
];

/// How many wrong passwords lock an account here.
pub(crate) const LOCKOUT_THRESHOLD: u32 = 3;

/// The ports a domain controller insists on: LDAP, LDAPS, Kerberos, changing passwords.
const FIXED_PORTS: [u16; 4] = [389, 636, 88, 464];

/// A running domain controller with its people:
///
/// - `alice`, of `dash-ops-nyc`, which is nested in `dash-ops`; her principal name is `alice@brand.example`.
/// - `bob`, of `dash-finance`.
/// - `disabled`, `expired`, `must-change`, `locked`, each of `dash-ops` and each with the right [`PASSWORD`].
/// - everybody in [`AWKWARD`].
///
/// Nobody but `locked` may be given wrong passwords: the account would lock for every other test. Hire somebody.
pub(crate) struct Domain {
    address: Ipv4Addr,
    /// The CA that its certificate is from.
    pub(crate) ca_file: PathBuf,
}

/// The domain controller; `None`, said loudly, where it cannot be started.
pub(crate) fn domain() -> Option<&'static Domain> {
    static DOMAIN: OnceLock<io::Result<Domain>> = OnceLock::new();
    keeper::started("a Samba domain controller", DOMAIN.get_or_init(Domain::start))
}

impl Domain {
    /// Its address, which is also the host in its URLs.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// Its LDAPS URL.
    pub(crate) fn ldaps_url(&self) -> String {
        format!("ldaps://{}", self.host())
    }

    /// Its LDAP URL, for StartTLS: it refuses plain binds.
    pub(crate) fn ldap_url(&self) -> String {
        format!("ldap://{}", self.host())
    }

    /// Adds an ordinary account that no other test knows.
    pub(crate) fn hire(&self, name: &str) {
        self.modify(&account(&Hire { cn: name, name, ..Hire::default() }));
    }

    /// Changes the directory as its administrator, by LDIF.
    pub(crate) fn modify(&self, ldif: &str) {
        self.try_modify(ldif).unwrap();
    }

    /// How many wrong passwords the account has been given.
    pub(crate) fn bad_password_count(&self, name: &str) -> u32 {
        let filter = format!("(sAMAccountName={name})");
        let found = keeper::run(self.tool("ldapsearch").args(["-LLL", "-b", BASE_DN, &filter, "badPwdCount"])).unwrap();
        let count = found.lines().find_map(|line| line.strip_prefix("badPwdCount: "));
        count.unwrap_or_else(|| panic!("{name} has no badPwdCount in {found}")).parse().unwrap()
    }

    fn start() -> io::Result<Self> {
        if std::fs::metadata("/proc/self")?.uid() != 0 {
            return Err(io::Error::other("it needs root"));
        }
        let address = free_address()?;
        let temporary = tempfile::Builder::new().prefix("belvedere-samba-").tempdir()?;
        let folder = temporary.path();
        let ca_file = provision(folder, address)?;
        let mut samba = Command::new("samba");
        samba.arg("-s").arg(folder.join("etc/smb.conf")).args(["-i", "--debug-stdout"]);
        keeper::keep(&samba, temporary)?;
        let domain = Self { address, ca_file };
        for port in FIXED_PORTS {
            keeper::wait_for((address, port))?;
        }
        domain.try_modify(&population())?;
        domain.lock("locked");
        Ok(domain)
    }

    fn try_modify(&self, ldif: &str) -> io::Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), ldif)?;
        keeper::run(self.tool("ldapmodify").arg("-a").arg("-f").arg(file.path())).map(drop)
    }

    fn lock(&self, name: &str) {
        for _ in 0..LOCKOUT_THRESHOLD {
            let who = format!("{name}@{DNS_DOMAIN}");
            let mut wrong = self.command("ldapsearch");
            let refused = keeper::run(wrong.args(["-D", &who, "-w", "wrong", "-s", "base", "-b", BASE_DN]));
            assert!(refused.is_err(), "a wrong password was taken");
        }
    }

    fn tool(&self, program: &str) -> Command {
        let mut tool = self.command(program);
        tool.args(["-D", &format!("administrator@{DNS_DOMAIN}"), "-w", ADMINISTRATOR_PASSWORD]);
        tool
    }

    fn command(&self, program: &str) -> Command {
        let mut tool = Command::new(program);
        tool.env("LDAPTLS_CACERT", &self.ca_file).args(["-x", "-H", &self.ldaps_url()]);
        tool
    }
}

/// An address of this machine's own on which no other controller runs. The process id keeps runs side by side apart.
fn free_address() -> io::Result<Ipv4Addr> {
    let [.., high, low] = std::process::id().to_be_bytes();
    let candidates = (1..=250).map(|step: u8| Ipv4Addr::new(127, high.max(1), low, step));
    let is_free = |address: &Ipv4Addr| FIXED_PORTS.iter().all(|port| TcpListener::bind((*address, *port)).is_ok());
    candidates.into_iter().find(is_free).ok_or_else(|| io::Error::other("no free loopback address"))
}

fn provision(folder: &Path, address: Ipv4Addr) -> io::Result<PathBuf> {
    let here = folder.display();
    keeper::run(
        Command::new("samba-tool")
            .args(["domain", "provision", "--realm=CORP.EXAMPLE.COM", "--server-role=dc"])
            .arg(format!("--domain={NETBIOS_DOMAIN}"))
            .args(["--dns-backend=NONE", "--use-rfc2307", "--host-name=dc1"])
            .arg(format!("--adminpass={ADMINISTRATOR_PASSWORD}"))
            .arg(format!("--host-ip={address}"))
            .arg(format!("--targetdir={here}"))
            .arg(format!("--option=posix:eadb={here}/eadb.tdb"))
            .arg("--option=vfs objects=acl_xattr xattr_tdb")
            .arg(format!("--option=xattr_tdb:file={here}/xattr.tdb")),
    )?;
    // The certificate Samba makes for itself names no host (no subject alternative name), which nothing current accepts.
    let authority = Authority::new();
    let identity = authority.issue(&[&address.to_string(), "dc1.corp.example.com"]);
    let ca_file = authority.write(&identity, folder)?;
    let conf = folder.join("etc/smb.conf");
    std::fs::write(&conf, settings(&std::fs::read_to_string(&conf)?, folder, address))?;
    std::fs::create_dir_all(folder.join("run"))?;
    Ok(ca_file)
}

/// The provisioned settings without shares, and bound to one address and one folder.
fn settings(provisioned: &str, folder: &Path, address: Ipv4Addr) -> String {
    let replaced = ["server services", "log file", "unix password sync", "logging"];
    let global = provisioned.split("[homes]").next().unwrap_or_default();
    let mut conf: String = global
        .lines()
        .filter(|line| !replaced.iter().any(|key| line.trim_start().starts_with(key)))
        .fold(String::new(), |conf, line| conf + line + "\n");
    let here = folder.display();
    write!(
        conf,
        "server services = rpc, ldap, kdc, winbindd\nunix password sync = no\ninterfaces = {address}/8\n\
         bind interfaces only = yes\npid directory = {here}/run\nncalrpc dir = {here}/run/ncalrpc\n\
         ntp signd socket directory = {here}/run/ntp\nwinbindd socket directory = {here}/run/winbindd\n\
         log file = {here}/samba.log\ntls certfile = {here}/cert.pem\ntls keyfile = {here}/key.pem\n\
         tls cafile = {here}/ca.pem\n"
    )
    .unwrap();
    conf
}

struct Hire<'a> {
    cn: &'a str,
    name: &'a str,
    principal: Option<&'a str>,
    /// `userAccountControl`.
    control: &'a str,
    more: &'a str,
}

impl Default for Hire<'_> {
    fn default() -> Self {
        Self { cn: "", name: "", principal: None, control: "512", more: "" }
    }
}

/// Everybody, the groups, and the policy, as LDIF.
fn population() -> String {
    let mut ldif = format!(
        "dn: {BASE_DN}\nchangetype: modify\nreplace: lockoutThreshold\nlockoutThreshold: {LOCKOUT_THRESHOLD}\n-\n\n\
         dn: OU=Staff,{BASE_DN}\nobjectClass: organizationalUnit\nou: Staff\n\n"
    );
    ldif += &account(&Hire { cn: "Belvedere, service", name: "svc-belvedere", ..Hire::default() });
    let alice = Some("alice@brand.example");
    ldif += &account(&Hire { cn: "Alice Archer", name: "alice", principal: alice, ..Hire::default() });
    ldif += &account(&Hire { cn: "Bob Baker", name: "bob", ..Hire::default() });
    ldif += &account(&Hire { cn: "disabled", name: "disabled", control: "514", ..Hire::default() });
    // A FILETIME in the year 2001.
    let more = "accountExpires: 126500000000000000\n";
    ldif += &account(&Hire { cn: "expired", name: "expired", more, ..Hire::default() });
    ldif += &account(&Hire { cn: "must-change", name: "must-change", more: "pwdLastSet: 0\n", ..Hire::default() });
    ldif += &account(&Hire { cn: "locked", name: "locked", ..Hire::default() });
    for (cn, name) in AWKWARD {
        ldif += &account(&Hire { cn, name, ..Hire::default() });
    }
    let troubled = ["disabled", "expired", "must-change", "locked"].map(dn);
    let nyc: Vec<String> = AWKWARD.iter().map(|(cn, _)| *cn).chain(["Alice Archer"]).map(dn).collect();
    ldif += &group("dash-ops-nyc", &nyc);
    ldif += &group("dash-ops", &[&[dn("dash-ops-nyc")][..], &troubled[..]].concat());
    ldif += &group("dash-ops-la", &[]);
    ldif += &group("dash-finance", &[dn("Bob Baker")]);
    ldif
}

fn account(hire: &Hire<'_>) -> String {
    let Hire { cn, name, principal, control, more } = hire;
    let own = format!("{name}@{DNS_DOMAIN}");
    // `unicodePwd` is the password in quotes, as UTF-16 (MS-ADTS 3.1.1.3.1.5.1).
    let quoted: Vec<u8> = format!("\"{PASSWORD}\"").encode_utf16().flat_map(u16::to_le_bytes).collect();
    format!(
        "dn:: {}\nobjectClass: user\nsAMAccountName:: {}\nuserPrincipalName:: {}\ndisplayName:: {}\nunicodePwd:: {}\n\
         userAccountControl: {control}\n{more}\n",
        base64(dn(cn)),
        base64(name),
        base64(principal.unwrap_or(&own)),
        base64(cn),
        base64(quoted)
    )
}

fn group(name: &str, members: &[String]) -> String {
    let members: Vec<String> = members.iter().map(|member| format!("member:: {}\n", base64(member))).collect();
    let members = members.concat();
    format!("dn: {}\nobjectClass: group\nsAMAccountName: {name}\n{members}\n", dn(name))
}

/// Where an entry with this common name is.
fn dn(cn: &str) -> String {
    format!("CN={},OU=Staff,{BASE_DN}", ldap3::dn_escape(cn))
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_STANDARD.encode(bytes)
}
