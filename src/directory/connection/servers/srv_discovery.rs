use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;

use super::dns::{DNS_TIMEOUT, DnsResolver, SrvRecord};
use crate::config::{DnsDiscovery, LdapScheme, ServerAddress};
use crate::directory::connection::fault::{OperationFault, OperationKind};
use crate::domain::{Clock, Timestamp};

/// The longest time a domain's list of servers is believed: controllers come and go in days.
const LIST_MAX_AGE: Duration = Duration::from_mins(15);

/// The shortest time between two queries when no server answers and DNS may know better.
const MIN_QUERY_INTERVAL: Duration = Duration::from_secs(5);

/// The most servers of a list, more than are ever tried in turn; a forest may have hundreds.
const MAX_SERVERS: usize = 16;

/// The port of LDAPS, which has no SRV record of its own in Active Directory: its controllers are those of LDAP.
const LDAPS_PORT: u16 = 636;

/// The discovery of a domain's servers by their SRV records (MS-ADTS 6.3.2.3), queried again when the list has aged.
pub(in crate::directory) struct SrvDiscovery {
    discovery: DnsDiscovery,
    resolver: Arc<DnsResolver>,
    clock: Arc<dyn Clock>,
    /// The time of the last query, and whether it named any servers. Locked during a query, so that there is one at a
    /// time.
    last_query: Mutex<Option<(Timestamp, bool)>>,
    /// The servers of the last answer, a line for each, for diagnostics.
    report: std::sync::Mutex<Vec<String>>,
}

impl SrvDiscovery {
    pub(in crate::directory) fn new(discovery: DnsDiscovery, resolver: Arc<DnsResolver>, clock: Arc<dyn Clock>) -> Self {
        Self { discovery, resolver, clock, last_query: Mutex::new(None), report: std::sync::Mutex::default() }
    }

    /// The servers in the order to try them, anew when the list has aged; `None` when the last list still holds.
    ///
    /// # Errors
    /// When DNS cannot be asked or names none.
    pub(in crate::directory) async fn discover(
        &self,
        nobody_answers: bool,
    ) -> Result<Option<Vec<ServerAddress>>, OperationFault> {
        let mut last_query = self.last_query.lock().await;
        let now = self.clock.now();
        if let Some((at, found)) = *last_query {
            let age = if found && !nobody_answers { LIST_MAX_AGE } else { MIN_QUERY_INTERVAL };
            if now.since(at) < age {
                return Ok(None);
            }
        }
        let answer = tokio::time::timeout(DNS_TIMEOUT, self.query_dns()).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("DNS did not answer within {DNS_TIMEOUT:?}")));
        *last_query = Some((now, answer.is_ok()));
        answer.map(Some).map_err(|reason| OperationFault::connection_failed(OperationKind::Dial, reason))
    }

    /// The last answer of DNS, a line for each server.
    pub(in crate::directory) fn report(&self) -> Vec<String> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn query_dns(&self) -> Result<Vec<ServerAddress>, String> {
        let DnsDiscovery { scheme, domain, site } = &self.discovery;
        let mut servers: Vec<ServerAddress> = Vec::new();
        let mut lines = Vec::new();
        for query in srv_queries(*scheme, domain, site.as_deref()) {
            // The plain names are only asked where there are no controllers.
            if query.is_fallback && !servers.is_empty() {
                break;
            }
            let records = self.resolver.lookup_srv(&query.name).await.map_err(|error| {
                format!("DNS cannot be asked for {} ({error}): check this machine's DNS, or set dns", query.name)
            })?;
            for record in ordered(records, random_below) {
                let port = if query.is_ldaps || *scheme == LdapScheme::Ldap { record.port } else { LDAPS_PORT };
                let server = ServerAddress { scheme: *scheme, host: record.target, port };
                if !is_in_domain(&server.host, domain) {
                    let host = &server.host;
                    tracing::warn!(host, domain, "DNS names a server outside the domain: it is passed over");
                    continue;
                }
                if servers.len() < MAX_SERVERS && !servers.contains(&server) {
                    lines.push(format!("{server} ({}, priority {}, weight {})", query.name, record.priority, record.weight));
                    servers.push(server);
                }
            }
        }
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) = lines;
        if servers.is_empty() {
            return Err(format!(
                "DNS names no server for {domain} (no SRV record for {}): check the domain in url, and that this \
                 machine asks the domain's DNS, or set dns",
                srv_queries(*scheme, domain, site.as_deref())
                    .iter()
                    .map(|query| query.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            ));
        }
        Ok(servers)
    }
}

/// A name whose SRV records are queried.
struct SrvQuery {
    name: String,
    /// Whether its ports speak TLS from the first byte.
    is_ldaps: bool,
    is_fallback: bool,
}

/// The SRV names to query, in order: the site's controllers, the domain's, then what other servers register (RFC 2782).
fn srv_queries(scheme: LdapScheme, domain: &str, site: Option<&str>) -> Vec<SrvQuery> {
    let mut queries = Vec::new();
    let mut ask = |name: String, is_ldaps, is_fallback| queries.push(SrvQuery { name, is_ldaps, is_fallback });
    if let Some(site) = site {
        ask(format!("_ldap._tcp.{site}._sites.dc._msdcs.{domain}"), false, false);
    }
    ask(format!("_ldap._tcp.dc._msdcs.{domain}"), false, false);
    if scheme == LdapScheme::Ldaps {
        ask(format!("_ldaps._tcp.{domain}"), true, true);
    }
    ask(format!("_ldap._tcp.{domain}"), false, true);
    queries
}

/// Whether a host is within the domain. The answer of DNS is not proof: whoever forges one could name a server of their
/// own, with a certificate that is good for its name. Only names within the domain are believed, for which a CA gives
/// certificates to its owner.
fn is_in_domain(host: &str, domain: &str) -> bool {
    let domain = domain.to_lowercase();
    host.strip_suffix(&domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The records by priority, and among equals by chance according to weight (RFC 2782, "Usage rules"). A target of "."
/// is no server.
fn ordered(mut records: Vec<SrvRecord>, mut random: impl FnMut(u64) -> u64) -> Vec<SrvRecord> {
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

    fn record(priority: u16, weight: u16, target: &str) -> SrvRecord {
        SrvRecord { priority, weight, port: 389, target: target.to_owned() }
    }

    fn order(records: &[SrvRecord], random: impl FnMut(u64) -> u64) -> Vec<String> {
        ordered(records.to_vec(), random).into_iter().map(|record| record.target).collect()
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
        assert!(is_in_domain("dc1.corp.example.com", "corp.example.com"));
        assert!(is_in_domain("dc1.berlin.corp.example.com", "Corp.Example.com"));
        for foreign in ["evil.com", "evilcorp.example.com", "corp.example.com.evil.com", ""] {
            assert!(!is_in_domain(foreign, "corp.example.com"), "{foreign}");
        }
    }

    #[test]
    fn the_sites_controllers_come_before_the_domains() {
        let names = |scheme, site| -> Vec<String> {
            srv_queries(scheme, "corp.example.com", site).into_iter().map(|query| query.name).collect()
        };
        assert_eq!(
            names(LdapScheme::Ldaps, Some("Berlin")),
            [
                "_ldap._tcp.Berlin._sites.dc._msdcs.corp.example.com",
                "_ldap._tcp.dc._msdcs.corp.example.com",
                "_ldaps._tcp.corp.example.com",
                "_ldap._tcp.corp.example.com",
            ]
        );
        assert_eq!(names(LdapScheme::Ldap, None).len(), 2);
    }
}
