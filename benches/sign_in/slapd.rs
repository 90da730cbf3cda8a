//! A slapd with a thousand people, by LDAPS, for as long as the measurement lasts.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::certificates::TestAuthority;
use crate::free_port::free_port;
use crate::server_process;

pub(crate) const BASE_DN: &str = "dc=example,dc=org";
pub(crate) const SERVICE_DN: &str = "cn=service,dc=example,dc=org";

/// Everybody's password, the service account's too.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// The number of people: enough that no two sign in by the same name at once.
pub(crate) const PEOPLE: usize = 1_000;

/// The number of groups; each person is in one, as large as a department's.
const GROUPS: usize = 20;

pub(crate) struct Slapd {
    pub(crate) port: u16,
    pub(crate) ca_file: PathBuf,
}

impl Slapd {
    pub(crate) fn start() -> io::Result<Self> {
        let temporary = tempfile::Builder::new().prefix("belvedere-bench-").tempdir()?;
        let folder = temporary.path();
        let authority = TestAuthority::new();
        let ca_file = authority.write(&authority.issue(&["localhost"]), folder)?;
        let conf = folder.join("slapd.conf");
        fs::write(&conf, configuration(folder))?;
        fs::create_dir(folder.join("people"))?;
        let ldif = folder.join("people.ldif");
        fs::write(&ldif, population())?;
        server_process::run(Command::new("slapadd").arg("-q").arg("-f").arg(&conf).arg("-l").arg(&ldif))?;
        let port = free_port()?;
        let mut slapd = Command::new("slapd");
        slapd.args(["-d", "0", "-h", &format!("ldaps://127.0.0.1:{port}/")]).arg("-f").arg(&conf);
        server_process::spawn_supervised(&slapd, temporary)?;
        server_process::wait_for(("127.0.0.1", port))?;
        Ok(Self { port, ca_file })
    }

    pub(crate) fn url(&self) -> String {
        format!("ldaps://localhost:{}", self.port)
    }
}

/// The `uid` of the person with this number.
pub(crate) fn uid(person: usize) -> String {
    format!("person{}", person % PEOPLE)
}

/// The DN of the person with this number.
pub(crate) fn dn(person: usize) -> String {
    format!("uid={},{BASE_DN}", uid(person))
}

fn configuration(folder: &Path) -> String {
    let here = folder.display();
    let schemas: String =
        ["core", "cosine", "inetorgperson", "nis"].map(|schema| format!("include /etc/ldap/schema/{schema}.schema\n")).concat();
    format!(
        "{schemas}pidfile {here}/slapd.pid\nargsfile {here}/slapd.args\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n\
         TLSCACertificateFile {here}/ca.pem\nTLSCertificateFile {here}/cert.pem\nTLSCertificateKeyFile {here}/key.pem\n\
         database mdb\nsuffix \"{BASE_DN}\"\ndirectory \"{here}/people\"\nmaxsize 67108864\n\
         index objectClass,uid,member,uniqueMember,memberUid eq\n\
         access to attrs=userPassword by anonymous auth by * none\naccess to * by * read\n"
    )
}

fn population() -> String {
    let mut ldif = format!(
        "dn: {BASE_DN}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n\n\
         dn: {SERVICE_DN}\nobjectClass: inetOrgPerson\ncn: service\nsn: service\nuserPassword: {PASSWORD}\n\n"
    );
    for person in 0..PEOPLE {
        let (dn, uid) = (dn(person), uid(person));
        write!(ldif, "dn: {dn}\nobjectClass: inetOrgPerson\ncn: {uid}\nsn: {uid}\nuid: {uid}\nuserPassword: {PASSWORD}\n\n")
            .unwrap();
    }
    for group in 0..GROUPS {
        write!(ldif, "dn: cn=group{group},{BASE_DN}\nobjectClass: groupOfNames\ncn: group{group}\n").unwrap();
        for person in (group..PEOPLE).step_by(GROUPS) {
            writeln!(ldif, "member: {}", dn(person)).unwrap();
        }
        ldif.push('\n');
    }
    ldif
}
