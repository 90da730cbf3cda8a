use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::controls::RawControl;
use ldap3::{SearchOptions, ldap_escape};

use super::*;
use crate::demo_directory::SamplePerson;
use crate::domain::Dn;

#[tokio::test]
async fn anybody_may_read_the_root_dse() {
    let demo = DemoFixture::start().await;
    let mut client = demo.client().await;
    let found = entries(&mut client, "", Scope::Base, "(objectClass=*)", &["*", "+"]).await;
    let [root] = found.as_slice() else { panic!("{found:?}") };
    for (attribute, value) in [
        ("defaultNamingContext", DOMAIN),
        ("rootDomainNamingContext", DOMAIN),
        ("configurationNamingContext", "CN=Configuration,DC=belvedere,DC=example"),
        ("dnsHostName", "dc1.belvedere.example"),
        ("ldapServiceName", "belvedere.example:dc1$@BELVEDERE.EXAMPLE"),
        ("supportedLDAPVersion", "3"),
        ("isSynchronized", "TRUE"),
        ("currentTime", "20261122005846.0Z"),
    ] {
        assert_eq!(values(root, attribute), [value], "{attribute}");
    }
    assert!(values(root, "namingContexts").contains(&DOMAIN.to_owned()));
    assert!(values(root, "supportedCapabilities").contains(&"1.2.840.113556.1.4.800".to_owned()));

    let some = entries(&mut client, "", Scope::Base, "(objectClass=*)", &["DNSHOSTNAME"]).await.remove(0);
    assert_eq!(some.attrs.keys().collect::<Vec<_>>(), ["dnsHostName"]);
}

#[tokio::test]
async fn nothing_else_is_read_without_a_bind() {
    let demo = DemoFixture::start().await;
    let mut client = demo.client().await;
    for (base, scope) in [("", Scope::Subtree), (DOMAIN, Scope::Base), ("DC=elsewhere", Scope::Subtree)] {
        assert_eq!(client.search(base, scope, "(objectClass=*)", ["*"]).await.unwrap().1.rc, 1, "{base:?}");
    }
}

#[tokio::test]
async fn the_netbios_name_of_the_domain_can_be_found_out() {
    let demo = DemoFixture::start().await;
    let mut client = demo.client_bound_as("alice").await;
    let filter = format!("(&(objectCategory=crossRef)(nCName={DOMAIN})(nETBIOSName=*))");
    let base = "CN=Partitions,CN=Configuration,DC=belvedere,DC=example";
    let found = entries(&mut client, base, Scope::OneLevel, &filter, &["nETBIOSName", "dnsRoot"]).await;
    assert_eq!(found.len(), 1);
    assert_eq!(values(&found[0], "nETBIOSName"), ["DEMO"]);
    assert_eq!(values(&found[0], "dnsRoot"), ["belvedere.example"]);
}

#[tokio::test]
async fn a_person_is_found_by_every_name_and_id() {
    let demo = DemoFixture::start().await;
    let mut client = demo.client_bound_as("svc-reader").await;
    let wanted = ["objectSid", "objectGUID"];
    let alice = entries(&mut client, DOMAIN, Scope::Subtree, "(sAMAccountName=alice)", &wanted).await.remove(0);
    let (sid, guid) = (bytes(&alice, "objectSid").remove(0), bytes(&alice, "objectGUID").remove(0));
    for filter in [
        "(&(objectCategory=person)(objectClass=user)(sAMAccountName=ALICE))".to_owned(),
        "(userPrincipalName=alice@belvedere.example)".to_owned(),
        format!("(objectSid={})", escaped(&sid)),
        format!("(objectGUID={})", escaped(&guid)),
        format!("(distinguishedName={})", ldap_escape(alice.dn.as_str())),
    ] {
        assert_eq!(dns(&mut client, DOMAIN, Scope::Subtree, &filter).await, [alice.dn.as_str()], "{filter}");
    }
    for base in [format!("<GUID={}>", hex::encode(guid)), format!("<SID={}>", hex::encode(sid))] {
        assert_eq!(dns(&mut client, &base, Scope::Base, "(objectClass=*)").await, [alice.dn.as_str()], "{base}");
    }
}

#[tokio::test]
async fn awkward_names_come_back_as_names_that_work() {
    let demo = DemoFixture::start().await;
    let mut client = demo.client_bound_as("svc-reader").await;
    for cn in ["Müller, Jörg (Sales)", r"Lobby screen #2 * (NYC\LA)", "Seán O'Neil", "Gäste, extern (Büro)"] {
        let filter = format!("(cn={})", ldap_escape(cn));
        let found = entries(&mut client, DOMAIN, Scope::Subtree, &filter, &["*"]).await;
        let [entry] = found.as_slice() else { panic!("{cn}: {found:?}") };
        assert_eq!(values(entry, "cn"), [cn]);
        assert_eq!(dns(&mut client, &entry.dn, Scope::Base, "(objectClass=*)").await, [entry.dn.as_str()], "{cn}");
        for group in values(entry, "memberOf") {
            let filter = format!("(member={})", ldap_escape(entry.dn.as_str()));
            assert_eq!(dns(&mut client, group, Scope::Base, &filter).await, [group.as_str()], "{cn}");
        }
    }
}

#[tokio::test]
async fn token_groups_hold_nested_groups_and_the_primary_one() {
    let demo = DemoFixture::start().await;
    let mut client = demo.client_bound_as("alice").await;
    let alice = dns(&mut client, DOMAIN, Scope::Subtree, "(sAMAccountName=alice)").await.remove(0);
    let found = entries(&mut client, &alice, Scope::Base, "(objectClass=*)", &["tokenGroups"]).await.remove(0);
    let mut names = Vec::new();
    for sid in bytes(&found, "tokenGroups") {
        let filter = format!("(objectSid={})", escaped(&sid));
        let group = entries(&mut client, DOMAIN, Scope::Subtree, &filter, &["sAMAccountName"]).await.remove(0);
        names.extend_from_slice(values(&group, "sAMAccountName"));
    }
    names.sort();
    assert_eq!(names, ["Domain Users", "Users", "dash-ops", "dash-ops-nyc"]);

    let refused = client.search(DOMAIN, Scope::Subtree, "(sAMAccountName=alice)", ["tokenGroups"]).await.unwrap().1;
    assert_eq!(refused.rc, 1, "one person at a time");
    assert!(refused.text.starts_with("00002120"), "{}", refused.text);
}

#[tokio::test]
async fn constructed_attributes_come_only_when_asked_for_by_name() {
    let demo = DemoFixture::start().await;
    let mut client = demo.client_bound_as("alice").await;
    let filter = "(sAMAccountName=ivan)";
    let all = entries(&mut client, DOMAIN, Scope::Subtree, filter, &["*"]).await.remove(0);
    assert_eq!(values(&all, "displayName"), ["Ivan Petrović"]);
    assert!(!all.attrs.keys().any(|name| name.starts_with("msDS-") || name == "tokenGroups"), "{all:?}");
    let wanted = ["msds-principalname", "msDS-User-Account-Control-Computed", "msDS-UserPasswordExpiryTimeComputed"];
    let named = entries(&mut client, DOMAIN, Scope::Subtree, filter, &wanted).await.remove(0);
    assert_eq!(named.attrs.len(), 3);
    assert_eq!(values(&named, "msDS-PrincipalName"), [r"DEMO\ivan"]);
    assert_eq!(values(&named, "msDS-User-Account-Control-Computed"), ["8388608"]);
    let expiry: i64 = values(&named, "msDS-UserPasswordExpiryTimeComputed")[0].parse().unwrap();
    let set: i64 = values(&all, "pwdLastSet")[0].parse().unwrap();
    assert_eq!(expiry - set, 42 * 24 * 3600 * 10_000_000);
    let none = entries(&mut client, DOMAIN, Scope::Subtree, filter, &["1.1"]).await.remove(0);
    assert!(none.attrs.is_empty() && none.bin_attrs.is_empty());
}

#[tokio::test]
async fn scopes_end_where_they_should() {
    let demo = DemoFixture::start().await;
    let mut client = demo.client_bound_as("alice").await;
    let people = format!("OU=People,{DOMAIN}");
    let any = "(objectClass=*)";
    assert_eq!(dns(&mut client, &people, Scope::Base, any).await, [people.as_str()]);
    let units = dns(&mut client, &people, Scope::OneLevel, any).await;
    assert_eq!(units.len(), 4, "{units:?}");
    assert_eq!(dns(&mut client, &people, Scope::Subtree, "(objectClass=user)").await.len(), 14);
    let all = dns(&mut client, DOMAIN, Scope::Subtree, any).await;
    assert!(!all.iter().any(|dn| dn.contains("CN=Configuration")), "another naming context");
    let configuration = format!("CN=Configuration,{DOMAIN}");
    assert_eq!(dns(&mut client, &configuration, Scope::Subtree, any).await.len(), 5);
}

#[tokio::test]
async fn what_is_not_there_is_told_from_what_is_no_name() {
    let demo = DemoFixture::start().await;
    let mut client = demo.client_bound_as("alice").await;
    let missing = format!("CN=Nobody,OU=People,{DOMAIN}");
    let result = client.search(&missing, Scope::Base, "(objectClass=*)", ["1.1"]).await.unwrap().1;
    assert_eq!((result.rc, result.matched.as_str()), (32, "OU=People,DC=belvedere,DC=example"));
    let result = client.search("DC=elsewhere", Scope::Subtree, "(objectClass=*)", ["1.1"]).await.unwrap().1;
    assert_eq!((result.rc, result.matched.as_str()), (32, ""));
    assert_eq!(client.search("nonsense", Scope::Base, "(objectClass=*)", ["1.1"]).await.unwrap().1.rc, 34);
}

#[tokio::test]
async fn a_search_from_the_top_refers_to_the_configuration() {
    let demo = DemoFixture::start().await;
    let mut client = demo.client_bound_as("alice").await;
    let (_, result) = client.search(DOMAIN, Scope::Subtree, "(cn=x)", ["1.1"]).await.unwrap().success().unwrap();
    assert_eq!(result.refs, ["ldap://belvedere.example/CN=Configuration,DC=belvedere,DC=example"]);
    let quiet = RawControl { ctype: "1.2.840.113556.1.4.1339".to_owned(), crit: true, val: None };
    let search = client.with_controls(quiet).search(DOMAIN, Scope::Subtree, "(cn=x)", ["1.1"]);
    assert!(search.await.unwrap().success().unwrap().1.refs.is_empty());
}

#[tokio::test]
async fn an_unknown_control_is_refused_when_critical_and_ignored_otherwise() {
    let demo = DemoFixture::start().await;
    let mut client = demo.client_bound_as("alice").await;
    for (crit, code) in [(true, 12), (false, 0)] {
        let control = RawControl { ctype: "1.2.3.4".to_owned(), crit, val: None };
        let search = client.with_controls(control).search(DOMAIN, Scope::Base, "(objectClass=*)", ["1.1"]);
        assert_eq!(search.await.unwrap().1.rc, code);
    }
}

#[tokio::test]
async fn the_size_limit_cuts_and_says_so() {
    let demo = DemoFixture::start().await;
    let mut client = demo.client_bound_as("alice").await;
    for (limit, found, code) in [(2, 2, 4), (14, 14, 0), (0, 14, 0)] {
        let options = SearchOptions::new().sizelimit(limit);
        let base = format!("OU=People,{DOMAIN}");
        let search = client.with_search_options(options).search(&base, Scope::Subtree, "(objectClass=user)", ["1.1"]);
        let answer = search.await.unwrap();
        assert_eq!((answer.0.len(), answer.1.rc), (found, code), "limit {limit}");
    }
}

/// The demo's domain with `size` more people.
fn crowd(size: usize) -> SampleDomain {
    let mut sample = SampleDomain::demo();
    let pattern = sample.people[0].clone();
    sample.people.extend((0..size).map(|at| SamplePerson {
        username: format!("visitor{at}"),
        common_name: format!("Visitor {at}"),
        ..pattern.clone()
    }));
    sample
}

#[tokio::test]
async fn more_than_a_thousand_results_take_pages() {
    let demo = DemoFixture::serving(&crowd(1100)).await;
    let mut client = demo.client_bound_as("bob").await;
    let filter = "(objectClass=user)";
    let whole = client.search(DOMAIN, Scope::Subtree, filter, ["1.1"]).await.unwrap();
    assert_eq!((whole.0.len(), whole.1.rc), (1000, 4));

    let adapters: Vec<Box<dyn Adapter<'_, _, _>>> = vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(300))];
    let mut stream = client.streaming_search_with(adapters, DOMAIN, Scope::Subtree, filter, vec!["1.1"]).await.unwrap();
    let mut seen = std::collections::HashSet::new();
    while let Some(entry) = stream.next().await.unwrap() {
        let dn: Dn = SearchEntry::construct(entry).dn.parse().unwrap();
        assert!(seen.insert(dn), "an entry came twice");
    }
    let result = stream.finish().await.success().unwrap();
    assert_eq!(result.refs.len(), 1, "only the last page refers elsewhere");
    assert_eq!(seen.len(), 1114);
}
