use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use tokio::sync::Mutex;

use crate::config::{Discovery, Scheme, ServerAddress};
use crate::directory::fault::{Fault, Operation};
use crate::domain::{Clock, Timestamp};

/// How long a domain's list of servers is believed: controllers come and go in days.
const LIST_AGE: Duration = Duration::from_mins(15);

/// When none of them answers, DNS may know better; it is asked no more often than this.
const ASKED_AT_MOST_EVERY: Duration = Duration::from_secs(5);

/// A question to DNS, with its repetitions.
const DNS_TIMEOUT: Duration = Duration::from_secs(2);

/// More servers than are ever tried in turn; a forest may have hundreds.
const MOST_SERVERS: usize = 16;

/// Some times as many as there are servers at once.
const MOST_HOSTS: usize = 64;

/// LDAPS has no record of its own in Active Directory: its controllers are those of LDAP, on this port.
const LDAPS_PORT: u16 = 636;

/// Who is asked for names: the servers in the settings, or the system's.
pub(in crate::directory) struct Names {
    own: Vec<SocketAddr>,
    /// The addresses that each host had when they were last found out.
    known: std::sync::Mutex<HashMap<String, Vec<IpAddr>>>,
    resolver: OnceLock<Result<TokioResolver, String>>,
}

/// One SRV record (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Record {
    priority: u16,
    weight: u16,
    port: u16,
    /// Without the dot at its end.
    target: String,
}

impl Names {
    pub(in crate::directory) fn new(own: Vec<SocketAddr>) -> Self {
        Self { own, known: std::sync::Mutex::default(), resolver: OnceLock::new() }
    }

    /// The addresses of a host, as the system resolves it (with its hosts file and all), or by the settings' servers.
    ///
    /// # Errors
    /// Why there are none, in words.
    pub(in crate::directory) async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        let found = self.look_up(host, port).await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !found.is_empty() && (known.len() < MOST_HOSTS || known.contains_key(host)) {
            known.insert(host.to_owned(), found.iter().map(SocketAddr::ip).collect());
        }
        Ok(found)
    }

    /// The addresses that the host had when they were last found out.
    pub(in crate::directory) fn known(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(host).map(|addresses| addresses.iter().map(|address| SocketAddr::new(*address, port)).collect())
    }

    async fn look_up(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        if self.own.is_empty() || host.parse::<IpAddr>().is_ok() {
            let found = tokio::net::lookup_host((host, port)).await.map_err(|error| error.to_string())?;
            return Ok(found.collect());
        }
        let found = self.resolver()?.lookup_ip(absolute(host)).await.map_err(|error| error.to_string())?;
        Ok(found.iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    /// The SRV records of a name; none when there is no such name.
    async fn srv(&self, name: &str) -> Result<Vec<Record>, String> {
        let found = match self.resolver()?.srv_lookup(absolute(name)).await {
            Ok(found) => found,
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => return Ok(Vec::new()),
            Err(error) => return Err(error.to_string()),
        };
        let record = |data: &RData| match data {
            RData::SRV(srv) => Some(Record {
                priority: srv.priority,
                weight: srv.weight,
                port: srv.port,
                target: srv.target.to_utf8().trim_end_matches('.').to_lowercase(),
            }),
            _ => None,
        };
        Ok(found.answers().iter().filter_map(|answer| record(&answer.data)).collect())
    }

    fn resolver(&self) -> Result<&TokioResolver, String> {
        let built = self.resolver.get_or_init(|| {
            let mut builder = if self.own.is_empty() {
                TokioResolver::builder_tokio().map_err(|error| format!("the system's DNS settings: {error}"))?
            } else {
                let servers = self.own.iter().map(|address| name_server(*address)).collect();
                let config = ResolverConfig::from_name_servers(servers);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            };
            builder.options_mut().timeout = DNS_TIMEOUT / 2;
            builder.options_mut().attempts = 2;
            builder.build().map_err(|error| error.to_string())
        });
        built.as_ref().map_err(Clone::clone)
    }
}

/// With the dot at its end: no search domain is ever tried behind it.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let with_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = vec![with_port(ConnectionConfig::udp()), with_port(ConnectionConfig::tcp())];
    NameServerConfig::new(address.ip(), true, connections)
}

/// A domain's servers, found by their SRV records (MS-ADTS 6.3.2.3), asked again when the list has aged.
pub(in crate::directory) struct Srv {
    discovery: Discovery,
    names: Arc<Names>,
    clock: Arc<dyn Clock>,
    /// When DNS was last asked, and whether it named any. Held while it is asked, so that it is asked once.
    asked: Mutex<Option<(Timestamp, bool)>>,
    /// What DNS last said, for whoever asks how it came to be.
    found: std::sync::Mutex<Vec<String>>,
}

impl Srv {
    pub(in crate::directory) fn new(discovery: Discovery, names: Arc<Names>, clock: Arc<dyn Clock>) -> Self {
        Self { discovery, names, clock, asked: Mutex::new(None), found: std::sync::Mutex::default() }
    }

    /// The servers in the order to try them, anew when the list has aged; `None` when the last list still holds.
    ///
    /// # Errors
    /// When DNS cannot be asked or names none.
    pub(in crate::directory) async fn look_up(
        &self,
        nobody_answers: bool,
    ) -> Result<Option<Vec<ServerAddress>>, Fault> {
        let mut asked = self.asked.lock().await;
        let now = self.clock.now();
        if let Some((at, found)) = *asked {
            let age = if found && !nobody_answers { LIST_AGE } else { ASKED_AT_MOST_EVERY };
            if now.since(at) < age {
                return Ok(None);
            }
        }
        let answer = tokio::time::timeout(DNS_TIMEOUT, self.ask()).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("DNS did not answer within {DNS_TIMEOUT:?}")));
        *asked = Some((now, answer.is_ok()));
        answer.map(Some).map_err(|reason| Fault::unreachable(Operation::Dial, reason))
    }

    /// What DNS last said, a line for each server.
    pub(in crate::directory) fn found(&self) -> Vec<String> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn ask(&self) -> Result<Vec<ServerAddress>, String> {
        let Discovery { scheme, domain, site } = &self.discovery;
        let mut servers: Vec<ServerAddress> = Vec::new();
        let mut lines = Vec::new();
        for question in questions(*scheme, domain, site.as_deref()) {
            // The plain names are only asked where there are no controllers.
            if question.last_resort && !servers.is_empty() {
                break;
            }
            let records = self.names.srv(&question.name).await.map_err(|error| {
                format!("DNS cannot be asked for {} ({error}): check this machine's DNS, or set dns", question.name)
            })?;
            for record in in_order(records, random_below) {
                let port = if question.is_ldaps || *scheme == Scheme::Ldap { record.port } else { LDAPS_PORT };
                let server = ServerAddress { scheme: *scheme, host: record.target, port };
                if !is_within(&server.host, domain) {
                    let host = &server.host;
                    tracing::warn!(host, domain, "DNS names a server outside the domain: it is passed over");
                    continue;
                }
                if servers.len() < MOST_SERVERS && !servers.contains(&server) {
                    lines.push(format!(
                        "{server} ({}, priority {}, weight {})",
                        question.name, record.priority, record.weight
                    ));
                    servers.push(server);
                }
            }
        }
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = lines;
        if servers.is_empty() {
            return Err(format!(
                "DNS names no server for {domain} (no SRV record for {}): check the domain in url, and that this \
                 machine asks the domain's DNS, or set dns",
                questions(*scheme, domain, site.as_deref())
                    .iter()
                    .map(|question| question.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            ));
        }
        Ok(servers)
    }
}

/// A name to ask the SRV records of.
struct Question {
    name: String,
    /// Whether its ports speak TLS from the first byte.
    is_ldaps: bool,
    last_resort: bool,
}

/// The names in their order: the site's controllers, the domain's, then what other servers register (RFC 2782).
fn questions(scheme: Scheme, domain: &str, site: Option<&str>) -> Vec<Question> {
    let mut questions = Vec::new();
    let mut ask = |name: String, is_ldaps, last_resort| questions.push(Question { name, is_ldaps, last_resort });
    if let Some(site) = site {
        ask(format!("_ldap._tcp.{site}._sites.dc._msdcs.{domain}"), false, false);
    }
    ask(format!("_ldap._tcp.dc._msdcs.{domain}"), false, false);
    if scheme == Scheme::Ldaps {
        ask(format!("_ldaps._tcp.{domain}"), true, true);
    }
    ask(format!("_ldap._tcp.{domain}"), false, true);
    questions
}

/// The answer of DNS is not proof: whoever forges one could name a server of their own, with a certificate that is
/// good for its name. Only names within the domain are believed, for which a CA gives certificates to its owner.
fn is_within(host: &str, domain: &str) -> bool {
    let domain = domain.to_lowercase();
    host.strip_suffix(&domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// By priority, and among equals by chance according to weight (RFC 2782, "Usage rules"). A target of "." is no server.
fn in_order(mut records: Vec<Record>, mut random: impl FnMut(u64) -> u64) -> Vec<Record> {
    records.retain(|record| !record.target.is_empty());
    records.sort_by_key(|record| (record.priority, record.weight));
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(first) = records.first() {
        let equals = records.iter().take_while(|record| record.priority == first.priority).count();
        let sum: u64 = records[..equals].iter().map(|record| u64::from(record.weight)).sum();
        let mut chance = random(sum + 1);
        let mut chosen = 0;
        for (at, record) in records[..equals].iter().enumerate() {
            chosen = at;
            match chance.checked_sub(u64::from(record.weight)) {
                Some(left) if left > 0 => chance = left,
                _ => break,
            }
        }
        ordered.push(records.remove(chosen));
    }
    ordered
}

/// A number below `most`; 0 when the system has no randomness to give, which only makes the choice less even.
fn random_below(most: u64) -> u64 {
    getrandom::u64().map_or(0, |number| number % most.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(priority: u16, weight: u16, target: &str) -> Record {
        Record { priority, weight, port: 389, target: target.to_owned() }
    }

    fn order(records: &[Record], random: impl FnMut(u64) -> u64) -> Vec<String> {
        in_order(records.to_vec(), random).into_iter().map(|record| record.target).collect()
    }

    #[test]
    fn priority_comes_before_weight_and_weight_decides_by_chance() {
        let records = [record(10, 100, "far"), record(0, 1, "light"), record(0, 99, "heavy"), record(0, 0, "")];
        assert_eq!(order(&records, |_| 0), ["light", "heavy", "far"]);
        assert_eq!(order(&records, |most| most - 1), ["heavy", "light", "far"]);
        let mut number = 0;
        let heavy_first = (0..100)
            .filter(|_| {
                number += 1;
                order(&records, |most| number % most)[0] == "heavy"
            })
            .count();
        assert!((95..=99).contains(&heavy_first), "{heavy_first}");
    }

    #[test]
    fn every_server_is_in_the_list_once_whatever_the_weights() {
        let records: Vec<_> = (0..5).map(|n| record(0, 0, &format!("dc{n}"))).collect();
        let mut targets = order(&records, |most| most - 1);
        targets.sort();
        assert_eq!(targets, ["dc0", "dc1", "dc2", "dc3", "dc4"]);
    }

    #[test]
    fn only_names_within_the_domain_are_believed() {
        assert!(is_within("dc1.corp.example.com", "corp.example.com"));
        assert!(is_within("dc1.berlin.corp.example.com", "Corp.Example.com"));
        for foreign in ["evil.com", "evilcorp.example.com", "corp.example.com.evil.com", ""] {
            assert!(!is_within(foreign, "corp.example.com"), "{foreign}");
        }
    }

    #[test]
    fn the_sites_controllers_come_before_the_domains() {
        let names = |scheme, site| -> Vec<String> {
            questions(scheme, "corp.example.com", site).into_iter().map(|question| question.name).collect()
        };
        assert_eq!(
            names(Scheme::Ldaps, Some("Berlin")),
            [
                "_ldap._tcp.Berlin._sites.dc._msdcs.corp.example.com",
                "_ldap._tcp.dc._msdcs.corp.example.com",
                "_ldaps._tcp.corp.example.com",
                "_ldap._tcp.corp.example.com",
            ]
        );
        assert_eq!(names(Scheme::Ldap, None).len(), 2);
    }
}
