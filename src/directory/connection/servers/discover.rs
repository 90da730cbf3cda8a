use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;

use super::names::{DNS_TIMEOUT, Names, Record};
use crate::config::{Discovery, Scheme, ServerAddress};
use crate::directory::connection::fault::{Fault, Operation};
use crate::domain::{Clock, Timestamp};

/// How long a domain's list of servers is believed: controllers come and go in days.
const LIST_AGE: Duration = Duration::from_mins(15);

/// When none of them answers, DNS may know better; it is asked no more often than this.
const ASKED_AT_MOST_EVERY: Duration = Duration::from_secs(5);

/// More servers than are ever tried in turn; a forest may have hundreds.
const MOST_SERVERS: usize = 16;

/// LDAPS has no record of its own in Active Directory: its controllers are those of LDAP, on this port.
const LDAPS_PORT: u16 = 636;

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
        answer.map(Some).map_err(|reason| Fault::broken(Operation::Dial, reason))
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
