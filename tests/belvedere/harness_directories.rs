//! The harness keeps its own promises: its directories change as they are told, and its names are found.

use std::net::{IpAddr, SocketAddr};

use hickory_resolver::Resolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;

use crate::harness::administrator::Administrator;
use crate::harness::dns::{DnsBehaviour, DnsServer};
use crate::harness::{directory_389, samba, slapd};

/// Binds as `name` and searches below `base`; the server's words if it refuses.
fn bind(server: Administrator, base: &str, name: &str, password: &'static str) -> Result<(), String> {
    let person = Administrator { name: name.to_owned(), password, ..server };
    person.search(base, "(objectClass=nothing)", &[]).map(drop).map_err(|error| error.to_string())
}

fn bind_to_domain(domain: &samba::SambaDomain, name: &str, password: &'static str) -> Result<(), String> {
    let server = Administrator { url: domain.second_ldaps_url(), ..domain.administrator() };
    bind(server, samba::BASE_DN, &format!("CORP\\{name}"), password)
}

#[test]
fn who_is_hired_on_active_directory_can_be_changed_in_every_way() {
    let Some(domain) = samba::domain() else { return };
    let name = "changing o'neil";
    domain.hire(name);
    let id = domain.object_guid(name);
    let refused = |code: &str, password: &'static str| {
        let words = bind_to_domain(domain, name, password).unwrap_err();
        assert!(words.contains(&format!("data {code}")), "{code}: {words}");
    };
    bind_to_domain(domain, name, samba::PASSWORD).unwrap();

    domain.disable(name);
    refused("533", samba::PASSWORD);
    domain.enable(name);
    domain.must_change(name);
    refused("773", samba::PASSWORD);
    domain.set_password(name, "Another-Horse-8");
    bind_to_domain(domain, name, "Another-Horse-8").unwrap();

    domain.found_group("dash-harness");
    domain.join(name, "dash-harness");
    assert_eq!(domain.text(name, "memberOf"), Some(samba::dn("dash-harness")));
    domain.leave(name, "dash-harness");
    assert_eq!(domain.text(name, "memberOf"), None);

    domain.rename(name, "Changed, Entirely");
    domain.move_to(name, "CN=Users");
    assert_eq!(domain.dn(name), format!("CN=Changed\\, Entirely,CN=Users,{}", samba::BASE_DN));
    assert_eq!(domain.object_guid(name), id, "a rename and a move keep the person");

    domain.lock(name);
    refused("775", "Another-Horse-8");
    domain.delete(name);
    refused("52e", "Another-Horse-8");
    domain.hire(name);
    assert_ne!(domain.object_guid(name), id, "who is hired anew is another");
}

#[test]
fn openldap_tells_of_groups_in_the_entry_where_the_overlay_is() {
    let Some(server) = slapd::server() else { return };
    let group = |name: &str| slapd::dn_below(slapd::MEMBER_OF_BASE_DN, name);
    let member_of = |name: &str| {
        let filter = format!("(cn={name})");
        server.administrator().text(slapd::MEMBER_OF_BASE_DN, &filter, "memberOf")
    };
    assert_eq!(member_of("dora"), Some(group("dash-ops-nyc")));
    assert_eq!(member_of("dash-ops-nyc"), Some(group("dash-ops")));
    assert_eq!(member_of("emil"), Some(group("dash-finance")));
}

#[test]
fn on_openldap_passwords_age_and_wrong_ones_lock_where_the_policy_is() {
    let Some(server) = slapd::server() else { return };
    let at = |name: &str| slapd::dn_below(slapd::POLICY_BASE_DN, name);
    let try_it = |name: &str, password: &'static str| bind(server.administrator(), slapd::POLICY_BASE_DN, &at(name), password);
    for (name, gets_in) in [("well", true), ("expiring", true), ("expired", false), ("locked", false)] {
        assert_eq!(try_it(name, slapd::PASSWORD).is_ok(), gets_in, "{name}");
    }
    // The bind goes well, and nothing else is allowed.
    let words = try_it("must-change", slapd::PASSWORD).unwrap_err();
    assert!(words.contains("restricted to bind"), "{words}");
    let name = "locked-by-the-harness";
    server.hire_below(slapd::POLICY_BASE_DN, name);
    for _ in 0..slapd::LOCKOUT_THRESHOLD {
        assert!(try_it(name, "wrong").is_err());
    }
    assert!(try_it(name, slapd::PASSWORD).is_err(), "it is locked");
    assert!(slapd::MIN_PASSWORD_LENGTH > "wrong".len() && slapd::MIN_PASSWORD_LENGTH < slapd::PASSWORD.len());
}

#[test]
fn on_389_the_state_of_an_account_is_told_when_it_binds_and_the_log_counts() {
    let Some(server) = directory_389::server() else { return };
    let try_it = |name: &str, password: &'static str| {
        bind(server.administrator(), directory_389::BASE_DN, &directory_389::dn(name), password)
    };
    for (name, expected) in
        [("inactive", "inactivated"), ("expired", "expired"), ("must-change", "unwilling"), ("alice", "Invalid")]
    {
        let words = try_it(name, if name == "alice" { "wrong" } else { directory_389::PASSWORD }).unwrap_err();
        assert!(words.contains(expected), "{name}: {words}");
    }
    assert_eq!(try_it("expiring", directory_389::PASSWORD), Ok(()));
    server.hire("counted");
    assert_eq!(server.binds(&directory_389::dn("counted")), 0);
    for times in 1..=2 {
        try_it("counted", directory_389::PASSWORD).unwrap();
        assert_eq!(server.binds(&directory_389::dn("counted")), times);
    }
}

#[tokio::test]
async fn the_name_server_answers_from_its_table_counts_and_falls_silent() {
    let server = DnsServer::start().await;
    let service = "_ldap._tcp.dc._msdcs.corp.example.com";
    for number in 1..=40 {
        server.add_service(service, 10, number, 389, &format!("dc{number}.corp.example.com"));
    }
    let (four, six): (IpAddr, IpAddr) = ("127.0.0.2".parse().unwrap(), "::1".parse().unwrap());
    server.add_host("dc1.corp.example.com", four);
    server.add_host("DC1.corp.example.com", six);
    let resolver = resolver(server.address());

    let found = resolver.srv_lookup(service).await.unwrap();
    assert_eq!(found.answers().len(), 40, "what does not fit into a datagram comes over TCP");
    let mut addresses: Vec<IpAddr> = resolver.lookup_ip("dc1.corp.example.com").await.unwrap().iter().collect();
    addresses.sort_unstable();
    assert_eq!(addresses, [four, six]);
    assert!(resolver.lookup_ip("dc2.corp.example.com").await.unwrap_err().is_nx_domain());

    server.forget("dc1.corp.example.com");
    resolver.clear_cache();
    assert!(resolver.lookup_ip("dc1.corp.example.com").await.is_err());
    server.set(DnsBehaviour::Fails);
    assert!(!resolver.lookup_ip("dc3.corp.example.com").await.unwrap_err().is_nx_domain());

    server.set(DnsBehaviour::Silent);
    let asked = |questions: &[String]| questions.contains(&"A dc4.corp.example.com".to_owned());
    tokio::select! {
        answer = resolver.lookup_ip("dc4.corp.example.com") => panic!("an answer of silence: {answer:?}"),
        () = server.until(asked) => {}
    }
    assert!(server.questions().contains(&format!("SRV {service}")), "{:?}", server.questions());
}

fn resolver(address: SocketAddr) -> Resolver<TokioRuntimeProvider> {
    let mut name_server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut name_server.connections {
        connection.port = address.port();
    }
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![name_server]);
    Resolver::builder_with_config(config, TokioRuntimeProvider::default()).build().unwrap()
}
