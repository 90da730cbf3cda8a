//! Samba as a domain controller: provisioned into a folder of its own, and started on two loopback addresses.

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::certificates::TestAuthority;
use super::samba::NETBIOS_DOMAIN;
use super::server_process;

/// The ports a domain controller insists on: LDAP, LDAPS, Kerberos, changing passwords.
const FIXED_PORTS: [u16; 4] = [389, 636, 88, 464];

/// A running controller that knows nobody yet but its administrator.
pub(super) struct SambaController {
    /// The addresses it listens on, with the same certificate.
    pub(super) addresses: [Ipv4Addr; 2],
    /// The CA that its certificate is from.
    pub(super) ca_file: PathBuf,
}

impl SambaController {
    /// Provisions and starts one; it lives as long as this process.
    ///
    /// # Errors
    /// Without root, without Samba, or when no two addresses are free.
    pub(super) fn start(administrator_password: &str) -> io::Result<Self> {
        if std::fs::metadata("/proc/self")?.uid() != 0 {
            return Err(io::Error::other("it needs root"));
        }
        let addresses = free_addresses()?;
        let temporary = tempfile::Builder::new().prefix("belvedere-samba-").tempdir()?;
        let folder = temporary.path();
        let ca_file = provision(folder, addresses, administrator_password)?;
        let mut samba = Command::new("samba");
        samba.arg("-s").arg(folder.join("etc/smb.conf")).args(["-i", "--debug-stdout"]);
        server_process::spawn_supervised(&samba, temporary)?;
        for address in addresses {
            for port in FIXED_PORTS {
                server_process::wait_for((address, port))?;
            }
        }
        Ok(Self { addresses, ca_file })
    }
}

/// Two addresses of this machine's own on which no other controller runs. The process id keeps runs side by side
/// apart.
fn free_addresses() -> io::Result<[Ipv4Addr; 2]> {
    let [.., high, low] = std::process::id().to_be_bytes();
    let candidates = (1..=250).map(|step: u8| Ipv4Addr::new(127, high.max(1), low, step));
    let is_free = |address: &Ipv4Addr| FIXED_PORTS.iter().all(|port| TcpListener::bind((*address, *port)).is_ok());
    let free: Vec<Ipv4Addr> = candidates.filter(is_free).take(2).collect();
    free.try_into().map_err(|_| io::Error::other("no two free loopback addresses"))
}

fn provision(folder: &Path, addresses: [Ipv4Addr; 2], administrator_password: &str) -> io::Result<PathBuf> {
    let here = folder.display();
    server_process::run(
        Command::new("samba-tool")
            .args(["domain", "provision", "--realm=CORP.EXAMPLE.COM", "--server-role=dc"])
            .arg(format!("--domain={NETBIOS_DOMAIN}"))
            .args(["--dns-backend=NONE", "--use-rfc2307", "--host-name=dc1"])
            .arg(format!("--adminpass={administrator_password}"))
            .arg(format!("--host-ip={}", addresses[0]))
            .arg(format!("--targetdir={here}"))
            .arg(format!("--option=posix:eadb={here}/eadb.tdb"))
            // Nothing here must outlast a power cut.
            .arg("--option=ldb:nosync=true")
            .arg("--option=vfs objects=acl_xattr xattr_tdb")
            .arg(format!("--option=xattr_tdb:file={here}/xattr.tdb")),
    )?;
    // The certificate Samba makes for itself names no host (no subject alternative name), which nothing current accepts.
    let authority = TestAuthority::new();
    let [first, second] = addresses.map(|address| address.to_string());
    let identity = authority.issue(&[&first, &second, "dc1.corp.example.com", "dc2.corp.example.com"]);
    let ca_file = authority.write(&identity, folder)?;
    let conf = folder.join("etc/smb.conf");
    std::fs::write(&conf, settings(&std::fs::read_to_string(&conf)?, folder, addresses))?;
    std::fs::create_dir_all(folder.join("run"))?;
    Ok(ca_file)
}

/// The provisioned settings without shares, and bound to its addresses and one folder.
fn settings(provisioned: &str, folder: &Path, [first, second]: [Ipv4Addr; 2]) -> String {
    let replaced = ["server services", "log file", "unix password sync", "logging"];
    let global = provisioned.split("[homes]").next().unwrap_or_default();
    let mut conf: String = global
        .lines()
        .filter(|line| !replaced.iter().any(|key| line.trim_start().starts_with(key)))
        .fold(String::new(), |conf, line| conf + line + "\n");
    let here = folder.display();
    write!(
        conf,
        "server services = rpc, ldap, kdc, winbindd\nunix password sync = no\ninterfaces = {first}/8 {second}/8\n\
         bind interfaces only = yes\npid directory = {here}/run\nncalrpc dir = {here}/run/ncalrpc\n\
         ntp signd socket directory = {here}/run/ntp\nwinbindd socket directory = {here}/run/winbindd\n\
         log file = {here}/samba.log\ntls certfile = {here}/cert.pem\ntls keyfile = {here}/key.pem\n\
         tls cafile = {here}/ca.pem\n\
         ldb:nosync = true\n"
    )
    .unwrap();
    conf
}
