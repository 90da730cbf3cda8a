//! A Samba Active Directory domain controller, one per test process.

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::administrator::Administrator;
use super::ldif::{self, LdifChange, LdifEntry};
use super::samba_controller::SambaController;
use super::server_process;

/// Everybody's password, but the administrator's.
pub(crate) const PASSWORD: &str = "Correct-Horse-7";

const ADMINISTRATOR_PASSWORD: &str = "Only-For-Tests-1";

/// The account that may search; [`PASSWORD`] is its password too.
pub(crate) const SERVICE_ACCOUNT: &str = "svc-belvedere@corp.example.com";

/// The DNS name of the domain.
pub(crate) const DNS_DOMAIN: &str = "corp.example.com";

/// The NetBIOS name of the domain.
pub(crate) const NETBIOS_DOMAIN: &str = "CORP";

/// The base of searches.
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

/// The number of wrong passwords that lock an account.
pub(crate) const LOCKOUT_THRESHOLD: u32 = 3;

/// Samba's own control for migrations: `pwdLastSet` is taken as it is given (`DSDB_CONTROL_PASSWORD_BYPASS_LAST_SET_OID`).
const BYPASS_LAST_SET: &str = "1.3.6.1.4.1.7165.4.3.20";

/// A running domain controller with its people:
///
/// - `alice`, of `dash-ops-nyc`, which is nested in `dash-ops`; her principal name is `alice@brand.example`.
/// - `bob`, of `dash-finance`.
/// - `disabled`, `expired`, `must-change`, `locked`, each of `dash-ops` and each with the right [`PASSWORD`].
/// - everybody in [`AWKWARD`].
///
/// Nobody but `locked` may be given wrong passwords: the account would lock for every other test. Hire somebody. Whom a
/// test has hired it may change in every way; people are named by their account names, which are their common names too.
pub(crate) struct SambaDomain {
    addresses: [Ipv4Addr; 2],
    /// The CA that its certificate is from.
    pub(crate) ca_file: PathBuf,
}

/// The domain controller; `None`, said loudly, where it cannot be started.
pub(crate) fn domain() -> Option<&'static SambaDomain> {
    static DOMAIN: OnceLock<io::Result<SambaDomain>> = OnceLock::new();
    server_process::started("a Samba domain controller", DOMAIN.get_or_init(SambaDomain::start))
}

/// Another domain, of one test alone, which may change its policy; `None`, said loudly, where it cannot be started.
pub(crate) fn another_domain() -> Option<&'static SambaDomain> {
    static DOMAIN: OnceLock<io::Result<SambaDomain>> = OnceLock::new();
    server_process::started("another Samba domain controller", DOMAIN.get_or_init(SambaDomain::start))
}

impl SambaDomain {
    /// Its address, which is also the host in its URLs.
    pub(crate) fn host(&self) -> String {
        self.addresses[0].to_string()
    }

    /// Its other address, at which it stands for a second controller of the same domain.
    pub(crate) fn second_host(&self) -> String {
        self.addresses[1].to_string()
    }

    /// Its LDAPS URL.
    pub(crate) fn ldaps_url(&self) -> String {
        format!("ldaps://{}", self.host())
    }

    /// The second controller's LDAPS URL.
    pub(crate) fn second_ldaps_url(&self) -> String {
        format!("ldaps://{}", self.second_host())
    }

    /// Its LDAP URL, for StartTLS: it refuses plain binds.
    pub(crate) fn ldap_url(&self) -> String {
        format!("ldap://{}", self.host())
    }

    /// Somebody who may change everything.
    pub(crate) fn administrator(&self) -> Administrator {
        Administrator {
            url: self.ldaps_url(),
            ca_file: self.ca_file.clone(),
            name: format!("administrator@{DNS_DOMAIN}"),
            password: ADMINISTRATOR_PASSWORD,
        }
    }

    /// Changes the directory as its administrator, by LDIF.
    pub(crate) fn modify(&self, ldif: &str) {
        self.administrator().apply(ldif).unwrap();
    }

    /// Adds an ordinary account that no other test knows.
    pub(crate) fn hire(&self, name: &str) {
        self.modify(&account(&NewAccount { cn: name, name, ..NewAccount::default() }));
    }

    /// Adds many ordinary accounts at once.
    pub(crate) fn hire_all(&self, names: &[String]) {
        let accounts = names.iter().map(|name| account(&NewAccount { cn: name, name, ..NewAccount::default() }));
        self.modify(&accounts.collect::<String>());
    }

    /// Adds the people of these names to the group.
    pub(crate) fn join_all(&self, names: &[String], group: &str) {
        self.change(group, |group| names.iter().fold(group, |group, name| group.add("member", dn(name))));
    }

    /// The `objectGUID` of every account whose name fits, by the account's name.
    pub(crate) fn object_guids(&self, names: &str) -> Vec<(String, Vec<u8>)> {
        let filter = format!("(&(objectCategory=person)(sAMAccountName={names}))");
        let found = self.administrator().search(BASE_DN, &filter, &["sAMAccountName", "objectGUID"]).unwrap();
        let of = |entry: ldif::LdifAttributes| {
            let (mut name, mut guid) = (entry.get("sAMAccountName")?.clone(), entry.get("objectGUID")?.clone());
            Some((String::from_utf8(name.remove(0)).unwrap(), guid.remove(0)))
        };
        found.into_iter().filter_map(of).collect()
    }

    /// Deletes the account.
    pub(crate) fn delete(&self, name: &str) {
        self.modify(&ldif::delete(&self.dn(name)));
    }

    /// Disables the account.
    pub(crate) fn disable(&self, name: &str) {
        self.change(name, |person| person.replace("userAccountControl", DISABLED));
    }

    /// Enables the account.
    pub(crate) fn enable(&self, name: &str) {
        self.change(name, |person| person.replace("userAccountControl", ORDINARY));
    }

    /// Changes the person's common name, and so their DN. Their account name stays.
    pub(crate) fn rename(&self, name: &str, cn: &str) {
        let first_part = format!("CN={}", ldap3::dn_escape(cn));
        self.modify(&ldif::rename(&self.dn(name), &first_part, None));
    }

    /// Moves the person to another organizational unit or container, by its first part: `CN=Users`, `OU=Staff`.
    pub(crate) fn move_to(&self, name: &str, unit: &str) {
        let dn = self.dn(name);
        // The common name has no comma in it, or an escaped one.
        let first_part = &dn[..dn.find(",OU=").or_else(|| dn.find(",CN=")).unwrap()];
        self.modify(&ldif::rename(&dn, first_part, Some(&format!("{unit},{BASE_DN}"))));
    }

    /// Creates a security group.
    pub(crate) fn found_group(&self, name: &str) {
        self.modify(&group(name, &[]));
    }

    /// Adds the person, or the group, to the group.
    pub(crate) fn join(&self, name: &str, group: &str) {
        let member = self.dn(name);
        self.change(group, |group| group.add("member", member));
    }

    /// Removes the person, or the group, from the group.
    pub(crate) fn leave(&self, name: &str, group: &str) {
        let member = self.dn(name);
        self.change(group, |group| group.delete("member", member));
    }

    /// Marks the password as one to be changed before anything else.
    pub(crate) fn must_change(&self, name: &str) {
        self.change(name, |person| person.replace("pwdLastSet", "0"));
    }

    /// Resets the password as administrator. The one before is still good for a bind within the next hour, as on Windows
    /// (`OldPasswordAllowedPeriod`).
    pub(crate) fn set_password(&self, name: &str, password: &str) {
        self.change(name, |person| person.replace("unicodePwd", quoted(password)));
    }

    /// Locks the account, by wrong passwords.
    pub(crate) fn lock(&self, name: &str) {
        let who = Administrator { name: format!("{name}@{DNS_DOMAIN}"), password: "wrong", ..self.administrator() };
        for _ in 0..LOCKOUT_THRESHOLD {
            assert!(who.search(BASE_DN, "(objectClass=domain)", &[]).is_err(), "a wrong password was taken");
        }
    }

    /// How many wrong passwords the account has been given.
    pub(crate) fn bad_password_count(&self, name: &str) -> u32 {
        self.text(name, "badPwdCount").unwrap_or_else(|| panic!("{name} has no badPwdCount")).parse().unwrap()
    }

    /// The account's `objectGUID`, as it is stored: sixteen octets.
    pub(crate) fn object_guid(&self, name: &str) -> Vec<u8> {
        self.administrator().value(BASE_DN, &named(name), "objectGUID").unwrap()
    }

    /// The DN of the account, or of the group.
    pub(crate) fn dn(&self, name: &str) -> String {
        self.text(name, "dn").unwrap()
    }

    /// An attribute's first value; `None` where the account has none.
    pub(crate) fn text(&self, name: &str, attribute: &str) -> Option<String> {
        self.administrator().text(BASE_DN, &named(name), attribute)
    }

    fn change(&self, name: &str, change: impl FnOnce(LdifChange) -> LdifChange) {
        self.modify(&change(LdifChange::at(&self.dn(name))).ldif());
    }

    /// Makes a password as old as if it had been set at this FILETIME, which nobody may do over LDAP.
    pub(crate) fn backdate_password(&self, dn: &str, set_at: i64) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let change = LdifChange::at(dn).replace("pwdLastSet", set_at.to_string()).ldif();
        std::fs::write(file.path(), change).unwrap();
        let database = self.ca_file.with_file_name("private").join("sam.ldb");
        server_process::run(
            std::process::Command::new("ldbmodify")
                .arg("-H")
                .arg(database)
                .arg(format!("--controls=local_oid:{BYPASS_LAST_SET}:0"))
                .arg(file.path()),
        )
        .unwrap();
    }

    /// Forbids everybody to change the password of the entry, the person included, as "User cannot change password" does:
    /// the right is denied in its access control list (`UF_PASSWD_CANT_CHANGE`, MS-ADTS 2.2.16).
    pub(crate) fn forbid_password_change(&self, dn: &str) {
        let denied = "(OD;;CR;ab721a53-1e2f-11d0-9819-00aa0040529b;;WD)";
        let database = self.ca_file.with_file_name("private").join("sam.ldb");
        let mut command = std::process::Command::new("samba-tool");
        command.args(["dsacl", "set", "--objectdn", dn, "--sddl", denied, "-H"]).arg(database);
        server_process::run(&mut command).unwrap();
    }

    fn start() -> io::Result<Self> {
        let SambaController { addresses, ca_file } = SambaController::start(ADMINISTRATOR_PASSWORD)?;
        let domain = Self { addresses, ca_file };
        domain.administrator().apply(&population())?;
        domain.lock("locked");
        Ok(domain)
    }
}

fn named(name: &str) -> String {
    format!("(sAMAccountName={})", ldap3::ldap_escape(name))
}

/// `userAccountControl` (MS-ADTS 2.2.16): an ordinary account, and one that is disabled.
const ORDINARY: &str = "512";
const DISABLED: &str = "514";

struct NewAccount<'a> {
    cn: &'a str,
    name: &'a str,
    principal: Option<&'a str>,
    control: &'a str,
    more: &'a [(&'a str, &'a str)],
}

impl Default for NewAccount<'_> {
    fn default() -> Self {
        Self { cn: "", name: "", principal: None, control: ORDINARY, more: &[] }
    }
}

/// Everybody, the groups, and the policy, as LDIF.
fn population() -> String {
    let mut ldif = LdifChange::at(BASE_DN).replace("lockoutThreshold", LOCKOUT_THRESHOLD.to_string()).ldif();
    ldif += &LdifEntry::at(&format!("OU=Staff,{BASE_DN}")).with("objectClass", "organizationalUnit").ldif();
    ldif += &account(&NewAccount { cn: "Belvedere, service", name: "svc-belvedere", ..NewAccount::default() });
    let alice = Some("alice@brand.example");
    ldif += &account(&NewAccount { cn: "Alice Archer", name: "alice", principal: alice, ..NewAccount::default() });
    ldif += &account(&NewAccount { cn: "Bob Baker", name: "bob", ..NewAccount::default() });
    ldif += &account(&NewAccount { cn: "disabled", name: "disabled", control: DISABLED, ..NewAccount::default() });
    // A FILETIME in the year 2001.
    let more = &[("accountExpires", "126500000000000000")];
    ldif += &account(&NewAccount { cn: "expired", name: "expired", more, ..NewAccount::default() });
    let more = &[("pwdLastSet", "0")];
    ldif += &account(&NewAccount { cn: "must-change", name: "must-change", more, ..NewAccount::default() });
    ldif += &account(&NewAccount { cn: "locked", name: "locked", ..NewAccount::default() });
    for (cn, name) in AWKWARD {
        ldif += &account(&NewAccount { cn, name, ..NewAccount::default() });
    }
    let troubled = ["disabled", "expired", "must-change", "locked"].map(dn);
    let nyc: Vec<String> = AWKWARD.iter().map(|(cn, _)| *cn).chain(["Alice Archer"]).map(dn).collect();
    ldif += &group("dash-ops-nyc", &nyc);
    ldif += &group("dash-ops", &[&[dn("dash-ops-nyc")][..], &troubled[..]].concat());
    ldif += &group("dash-ops-la", &[]);
    ldif += &group("dash-finance", &[dn("Bob Baker")]);
    ldif
}

fn account(hire: &NewAccount<'_>) -> String {
    let NewAccount { cn, name, principal, control, more } = hire;
    let own = format!("{name}@{DNS_DOMAIN}");
    let entry = LdifEntry::at(&dn(cn))
        .with("objectClass", "user")
        .with("sAMAccountName", name)
        .with("userPrincipalName", principal.unwrap_or(&own))
        .with("displayName", cn)
        .with("unicodePwd", quoted(PASSWORD))
        .with("userAccountControl", control);
    more.iter().fold(entry, |entry, (attribute, value)| entry.with(attribute, value)).ldif()
}

fn group(name: &str, members: &[String]) -> String {
    LdifEntry::at(&dn(name)).with("objectClass", "group").with("sAMAccountName", name).with_all("member", members).ldif()
}

/// `unicodePwd` is the password in quotes, as UTF-16 (MS-ADTS 3.1.1.3.1.5.1).
pub(crate) fn quoted(password: &str) -> Vec<u8> {
    format!("\"{password}\"").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The DN of an entry with this common name, unless somebody moves it.
pub(crate) fn dn(cn: &str) -> String {
    format!("CN={},OU=Staff,{BASE_DN}", ldap3::dn_escape(cn))
}
