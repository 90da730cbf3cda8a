//! A domain's servers found by DNS: `ldaps+srv://corp.example.com`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use belvedere::config::{DirectoryServers, DirectorySettings, DnsDiscovery, LdapScheme};
use belvedere::directory::{DirectoryRefusal, LdapDirectory, PasswordFate, Unreachable};
use belvedere::domain::{ManualClock, Timestamp};

use crate::directory_sign_in::{settings, sign_in};
use crate::harness::dns::{DnsBehaviour, DnsServer};
use crate::harness::samba;

const CONTROLLERS: &str = "_ldap._tcp.dc._msdcs.corp.example.com";
const OF_BERLIN: &str = "_ldap._tcp.Berlin._sites.dc._msdcs.corp.example.com";

fn discovered(domain: &samba::SambaDomain, dns: &DnsServer, site: Option<&str>) -> DirectorySettings {
    let discovery =
        DnsDiscovery { scheme: LdapScheme::Ldaps, domain: samba::DNS_DOMAIN.to_owned(), site: site.map(str::to_owned) };
    DirectorySettings {
        servers: DirectoryServers::Discovered(discovery),
        dns: vec![dns.address()],
        dial_timeout: Duration::from_secs(2),
        ..settings(&[], &domain.ca_file)
    }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::from_millis(1_795_309_126_976)))
}

async fn with_two_controllers(domain: &samba::SambaDomain) -> DnsServer {
    let dns = DnsServer::start().await;
    dns.add_service(CONTROLLERS, 0, 100, 389, "dc1.corp.example.com");
    dns.add_service(CONTROLLERS, 10, 100, 389, "dc2.corp.example.com");
    dns.add_host("dc1.corp.example.com", domain.host().parse::<IpAddr>().unwrap());
    dns.add_host("dc2.corp.example.com", domain.second_host().parse::<IpAddr>().unwrap());
    dns
}

async fn reason(directory: &LdapDirectory) -> String {
    match sign_in(directory, "alice", samba::PASSWORD).await {
        Err(DirectoryRefusal::Unreachable(Unreachable { reason, password: PasswordFate::NotSent, .. })) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_domain_name_is_all_it_takes_to_find_its_controllers() {
    let Some(domain) = samba::domain() else { return };
    let dns = with_two_controllers(domain).await;
    let directory = LdapDirectory::new(&discovered(domain, &dns, None), clock()).unwrap();
    assert_eq!(sign_in(&directory, "alice", samba::PASSWORD).await.unwrap().username, "alice");
    let questions = dns.questions();
    assert!(questions.iter().any(|question| question.contains("dc1.corp.example.com")), "{questions:?}");
    assert!(!questions.iter().any(|question| question.contains("dc2.corp.example.com")), "priority 0 comes first");
}

#[tokio::test]
async fn the_next_priority_answers_when_the_first_controller_is_gone() {
    let Some(domain) = samba::domain() else { return };
    let dns = with_two_controllers(domain).await;
    dns.forget("dc1.corp.example.com");
    dns.add_host("dc1.corp.example.com", "127.255.255.254".parse().unwrap());
    let directory = LdapDirectory::new(&discovered(domain, &dns, None), clock()).unwrap();
    assert!(sign_in(&directory, "alice", samba::PASSWORD).await.is_ok());
}

#[tokio::test]
async fn the_controllers_of_the_site_come_first() {
    let Some(domain) = samba::domain() else { return };
    let dns = with_two_controllers(domain).await;
    dns.add_service(OF_BERLIN, 50, 0, 389, "dc2.corp.example.com");
    let directory = LdapDirectory::new(&discovered(domain, &dns, Some("Berlin")), clock()).unwrap();
    assert!(sign_in(&directory, "alice", samba::PASSWORD).await.is_ok());
    let questions = dns.questions();
    assert!(!questions.iter().any(|question| question.contains(" dc1.corp.example.com")), "{questions:?}");
}

#[tokio::test]
async fn a_server_outside_the_domain_is_not_believed_whatever_dns_says() {
    let Some(domain) = samba::domain() else { return };
    let dns = DnsServer::start().await;
    dns.add_service(CONTROLLERS, 0, 0, 389, "dc1.evil.example");
    dns.add_host("dc1.evil.example", domain.host().parse::<IpAddr>().unwrap());
    let directory = LdapDirectory::new(&discovered(domain, &dns, None), clock()).unwrap();
    let reason = reason(&directory).await;
    assert!(reason.contains(CONTROLLERS), "{reason}");
    assert!(!dns.questions().iter().any(|question| question.contains("evil")));
}

#[tokio::test]
async fn a_domain_that_dns_does_not_know_is_told_with_what_was_asked_and_the_remedy() {
    let Some(domain) = samba::domain() else { return };
    let dns = DnsServer::start().await;
    let directory = LdapDirectory::new(&discovered(domain, &dns, None), clock()).unwrap();
    let reason = reason(&directory).await;
    assert!(reason.contains(CONTROLLERS) && reason.contains("check the domain in url"), "{reason}");
}

#[tokio::test]
async fn the_servers_known_before_are_used_on_while_dns_is_silent() {
    let Some(domain) = samba::domain() else { return };
    let dns = with_two_controllers(domain).await;
    let clock = clock();
    let directory = LdapDirectory::new(&discovered(domain, &dns, None), clock.clone()).unwrap();
    assert!(sign_in(&directory, "alice", samba::PASSWORD).await.is_ok());
    dns.set(DnsBehaviour::Silent);
    clock.advance(Duration::from_mins(20));
    // The hosts' addresses are still known to the resolver; the list is not asked for again in vain for ever.
    let settings = discovered(domain, &dns, None);
    assert!(sign_in(&directory, "alice", samba::PASSWORD).await.is_ok(), "{settings:?}");
}
