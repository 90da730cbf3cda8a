use std::net::IpAddr;

use hickory_resolver::system_conf::read_system_conf;

use crate::domain::HostName;

/// The file of names that need no DNS (hosts(5)).
const HOSTS_FILE: &str = "/etc/hosts";

/// The names of this machine, as the machine itself has them: its host name, alone and in the domains where it looks for
/// others (resolv.conf(5)) and of its network (RFC 6762), and those that `/etc/hosts` has for loopback addresses. DNS is not
/// asked: what a name resolves to is for its owner to say.
pub(super) fn machine_names() -> Vec<HostName> {
    let hosts = std::fs::read_to_string(HOSTS_FILE).unwrap_or_default();
    names_from(&host_name(), &search_domains(), &hosts)
}

/// The machine's own host name, in whatever spelling it has.
pub(super) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The domains in which this machine looks for a name.
fn search_domains() -> Vec<String> {
    let Ok((config, _)) = read_system_conf() else { return Vec::new() };
    config.domain().into_iter().chain(config.search()).map(ToString::to_string).collect()
}

fn names_from(host_name: &str, domains: &[String], hosts: &str) -> Vec<HostName> {
    let short = host_name.split('.').next().unwrap_or_default();
    let in_domains = domains.iter().map(|domain| format!("{short}.{domain}"));
    let own = [host_name.to_owned(), short.to_owned(), format!("{short}.local")].into_iter().chain(in_domains);
    let names = own.chain(loopback_names(hosts)).filter_map(|name| name.parse().ok());
    names.filter(|host| matches!(host, HostName::Name(_))).collect()
}

fn loopback_names(hosts: &str) -> impl Iterator<Item = String> {
    hosts.lines().flat_map(|line| {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let address: Option<IpAddr> = words.next().and_then(|word| word.parse().ok());
        words.filter(move |_| address.is_some_and(|address| address.is_loopback())).map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_knows_its_names_and_not_those_of_its_neighbours() {
        let hosts =
            "127.0.0.1 localhost\n127.0.1.1\tweb01.corp.example.com web01 # this one\n\n10.0.0.9 db\n# 127.0.0.1 old\nx y\n";
        let names = names_from("Web01", &["lab.example.com.".to_owned()], hosts);
        let mut names: Vec<_> = names.iter().map(ToString::to_string).collect();
        names.sort();
        names.dedup();
        assert_eq!(names, ["localhost", "web01", "web01.corp.example.com", "web01.lab.example.com", "web01.local"]);
        assert!(names_from("", &[], "").is_empty(), "a machine without a name has none");
    }
}
