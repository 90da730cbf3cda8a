//! Who the directory lets in, and who not: every outcome on a Samba domain controller and on slapd.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use belvedere::config::{DirectoryServers, DirectorySettings, LdapScheme, ServerAddress, ServiceAccount};
use belvedere::directory::{BindCandidate, BindDenied, BindGate, Directory as _, DirectoryRefusal, LdapDirectory};
use belvedere::domain::{Password, Person, PersonId, PrincipalName, SystemClock, Username};

use crate::harness::ldap_server::{self, LdapServer};
use crate::harness::{samba, slapd};

/// Names that try to be filters or DNs.
const ATTEMPTS: &[&str] = &[
    "*",
    "a*",
    "*)(uid=*",
    "*)(sAMAccountName=*",
    "alice)(|(uid=*",
    "alice)(objectClass=*",
    "alice))(&(uid=alice",
    "\\61lice",
    "\\2a",
    "(uid=alice)",
    "CN=Alice Archer,OU=Staff,DC=corp,DC=example,DC=com",
    "cn=Alice Archer,dc=example,dc=org",
    "x@y,CN=Alice Archer,OU=Staff,DC=corp,DC=example,DC=com",
    "Alice Archer",
    "*@corp.example.com",
    "CORP\\*",
    "alice@",
    "corp.example.com/Staff/Alice Archer",
];

/// Settings for these URLs and nothing else.
pub(crate) fn settings(urls: &[&str], ca_file: &Path) -> DirectorySettings {
    let servers = urls.iter().map(|url| address(url)).collect();
    DirectorySettings {
        ca_file: Some(ca_file.to_owned()),
        dial_timeout: Duration::from_secs(10),
        operation_timeout: Duration::from_secs(10),
        ..DirectorySettings::with_servers(DirectoryServers::Listed(servers))
    }
}

fn address(url: &str) -> ServerAddress {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (scheme, standard) = if scheme == "ldaps" { (LdapScheme::Ldaps, 636) } else { (LdapScheme::Ldap, 389) };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().unwrap()),
        None => (rest, standard),
    };
    ServerAddress { scheme, host: host.trim_matches(['[', ']']).to_owned(), port }
}

pub(crate) fn open(settings: &DirectorySettings) -> LdapDirectory {
    LdapDirectory::new(settings, Arc::new(SystemClock)).unwrap()
}

pub(crate) async fn sign_in(directory: &LdapDirectory, name: &str, password: &str) -> Result<Person, DirectoryRefusal> {
    let password = Password::parse(password.to_owned()).unwrap();
    directory.sign_in(&Username::parse(name).unwrap(), &password, &AlwaysAllowed).await
}

/// A gate that allows every bind.
pub(crate) struct AlwaysAllowed;

#[async_trait]
impl BindGate for AlwaysAllowed {
    async fn allow_bind(&self, _who: Option<&BindCandidate>) -> Result<(), BindDenied> {
        Ok(())
    }
}

pub(crate) fn with_account(settings: DirectorySettings, name: &str, password: &str) -> DirectorySettings {
    let password = Password::parse(password.to_owned()).unwrap();
    DirectorySettings {
        service_account: Some(ServiceAccount { name: name.to_owned(), password, password_file: None }),
        ..settings
    }
}

fn in_group(person: &Person, name: &str) -> bool {
    person.groups.iter().any(|group| group.name.eq_ignore_ascii_case(name))
}

/// The domain controller over LDAPS and over StartTLS, each with and without a service account; each is configured
/// by nothing but its URL, the CA file, and the account.
fn every_way_to_samba(domain: &samba::SambaDomain) -> Vec<(&'static str, LdapDirectory)> {
    let ldaps = settings(&[&domain.ldaps_url()], &domain.ca_file);
    let start_tls = DirectorySettings { start_tls: true, ..settings(&[&domain.ldap_url()], &domain.ca_file) };
    vec![
        ("LDAPS, as themselves", open(&ldaps)),
        ("StartTLS, as themselves", open(&start_tls)),
        ("LDAPS, with an account", open(&with_account(ldaps, samba::SERVICE_ACCOUNT, samba::PASSWORD))),
        ("StartTLS, with an account", open(&with_account(start_tls, samba::SERVICE_ACCOUNT, samba::PASSWORD))),
    ]
}

/// slapd likewise, where without an account people are searched for anonymously.
fn every_way_to_slapd(server: &LdapServer) -> Vec<(&'static str, LdapDirectory)> {
    let ldaps = settings(&[&server.ldaps_url()], &server.ca_file);
    let start_tls = DirectorySettings { start_tls: true, ..settings(&[&server.ldap_url()], &server.ca_file) };
    let plain = settings(&[&server.ldap_url()], &server.ca_file);
    vec![
        ("LDAPS, anonymously", open(&ldaps)),
        ("StartTLS, anonymously", open(&start_tls)),
        ("plain on loopback, anonymously", open(&plain)),
        ("LDAPS, with an account", open(&with_account(ldaps, slapd::SERVICE_DN, slapd::PASSWORD))),
        ("StartTLS, with an account", open(&with_account(start_tls, slapd::SERVICE_DN, slapd::PASSWORD))),
    ]
}

/// A gate that denies every bind, and records who was found.
#[derive(Default)]
pub(crate) struct NeverAllowed(Mutex<Vec<Option<PersonId>>>);

#[async_trait]
impl BindGate for NeverAllowed {
    async fn allow_bind(&self, who: Option<&BindCandidate>) -> Result<(), BindDenied> {
        self.0.lock().unwrap().push(who.map(|who| who.id.clone()));
        Err(BindDenied)
    }
}

#[tokio::test]
async fn without_leave_no_password_is_sent_and_whoever_is_asked_for_it_hears_whose_it_is() {
    let mut ways = Vec::new();
    if let Some(domain) = samba::domain() {
        ways.extend(every_way_to_samba(domain).into_iter().map(|(way, directory)| (way, directory, samba::PASSWORD)));
    }
    if let Some(server) = slapd::server() {
        ways.extend(every_way_to_slapd(server).into_iter().map(|(way, directory)| (way, directory, slapd::PASSWORD)));
    }
    for (way, directory, password) in ways {
        let alice = sign_in(&directory, "alice", password).await.unwrap();
        let (name, password) = (Username::parse("alice").unwrap(), Password::parse(password.to_owned()).unwrap());
        let never = NeverAllowed::default();
        assert_eq!(directory.sign_in(&name, &password, &never).await, Err(DirectoryRefusal::BindDenied(BindDenied)), "{way}");
        // Active Directory shows nobody to strangers: without an account only the bind tells who it is.
        let shown = (!way.contains("as themselves")).then_some(alice.id);
        assert_eq!(*never.0.lock().unwrap(), [shown], "{way}: asked once");
    }
}

#[tokio::test]
async fn a_member_signs_in_on_active_directory_in_each_way_of_writing_the_name() {
    let Some(domain) = samba::domain() else { return };
    for (way, directory) in every_way_to_samba(domain) {
        let mut ids = Vec::new();
        for name in
            ["alice", "ALICE", "alice@brand.example", "alice@corp.example.com", "CORP\\alice", "corp.example.com\\alice"]
        {
            let alice = sign_in(&directory, name, samba::PASSWORD).await;
            let alice = alice.unwrap_or_else(|refusal| panic!("{way}: {name}: {refusal}"));
            assert_eq!(alice.username, "alice", "{way}: {name}");
            assert_eq!(alice.principal.as_ref().map(PrincipalName::as_str), Some("alice@brand.example"), "{way}: {name}");
            assert_eq!(alice.display_name, "Alice Archer", "{way}: {name}");
            ids.push(alice.id);
        }
        assert!(ids[0].as_str().starts_with("objectGUID:") && ids.iter().all(|id| *id == ids[0]), "{way}: {ids:?}");
    }
}

#[tokio::test]
async fn on_active_directory_nested_and_primary_groups_count_and_sibling_groups_do_not() {
    let Some(domain) = samba::domain() else { return };
    for (way, directory) in every_way_to_samba(domain) {
        let alice = sign_in(&directory, "alice", samba::PASSWORD).await.unwrap();
        for group in ["dash-ops-nyc", "dash-ops", "Domain Users"] {
            assert!(in_group(&alice, group), "{way}: alice is not in {group}: {:?}", alice.groups);
        }
        for group in ["dash-ops-la", "dash-finance", "Domain Admins"] {
            assert!(!in_group(&alice, group), "{way}: alice is in {group}");
        }
        let ops = alice.groups.iter().find(|group| group.name == "dash-ops").unwrap();
        assert!(ops.id.as_str().starts_with("S-1-5-21-") && ops.dn.starts_with("CN=dash-ops,"), "{way}: {ops:?}");
        let bob = sign_in(&directory, "bob", samba::PASSWORD).await.unwrap();
        assert!(in_group(&bob, "dash-finance") && !in_group(&bob, "dash-ops"), "{way}: {:?}", bob.groups);
    }
}

#[tokio::test]
async fn active_directory_says_why_it_refuses_who_proved_the_password() {
    let Some(domain) = samba::domain() else { return };
    for (way, directory) in every_way_to_samba(domain) {
        for (name, expected) in [
            ("disabled", DirectoryRefusal::Disabled),
            ("expired", DirectoryRefusal::AccountExpired),
            ("must-change", DirectoryRefusal::MustChangePassword),
            ("locked", DirectoryRefusal::Locked),
        ] {
            assert_eq!(sign_in(&directory, name, samba::PASSWORD).await, Err(expected), "{way}: {name}");
        }
        for name in ["nobody", "nobody@corp.example.com", "alice@foreign.example", "OTHER\\alice", "CORP\\nobody"] {
            let answer = sign_in(&directory, name, samba::PASSWORD).await;
            assert_eq!(answer, Err(DirectoryRefusal::WrongCredentials), "{way}: {name}");
        }
    }
}

#[tokio::test]
async fn one_failed_sign_in_is_one_bind() {
    let Some(domain) = samba::domain() else { return };
    for (number, (way, directory)) in every_way_to_samba(domain).into_iter().enumerate() {
        let name = format!("hired-{number}");
        domain.hire(&name);
        assert_eq!(sign_in(&directory, &name, "wrong").await, Err(DirectoryRefusal::WrongCredentials), "{way}");
        assert_eq!(domain.bad_password_count(&name), 1, "{way}");
        assert_eq!(
            sign_in(&directory, &format!("CORP\\{name}"), "wrong").await,
            Err(DirectoryRefusal::WrongCredentials),
            "{way}"
        );
        assert_eq!(domain.bad_password_count(&name), 2, "{way}");
        assert!(sign_in(&directory, &name, samba::PASSWORD).await.is_ok(), "{way}");
    }
}

#[tokio::test]
async fn a_renamed_person_stays_the_same_person() {
    let Some(domain) = samba::domain() else { return };
    domain.hire("renamed");
    let directory = open(&settings(&[&domain.ldaps_url()], &domain.ca_file));
    let before = sign_in(&directory, "renamed", samba::PASSWORD).await.unwrap();
    let base = samba::BASE_DN;
    domain.modify(&format!(
        "dn: CN=renamed,OU=Staff,{base}\nchangetype: modrdn\nnewrdn: CN=Someone\\, Else\ndeleteoldrdn: 1\n\
         newsuperior: CN=Users,{base}\n"
    ));
    let after = sign_in(&directory, "renamed", samba::PASSWORD).await.unwrap();
    assert_eq!(before.id, after.id);
}

#[tokio::test]
async fn awkward_names_sign_in_on_active_directory_and_keep_their_groups() {
    let Some(domain) = samba::domain() else { return };
    for (way, directory) in every_way_to_samba(domain) {
        for (cn, name) in samba::AWKWARD {
            let person = sign_in(&directory, name, samba::PASSWORD).await;
            let person = person.unwrap_or_else(|refusal| panic!("{way}: {name}: {refusal}"));
            assert_eq!((person.username.as_str(), person.display_name.as_str()), (*name, *cn), "{way}");
            assert!(in_group(&person, "dash-ops"), "{way}: {name}: {:?}", person.groups);
        }
    }
}

#[tokio::test]
async fn awkward_names_sign_in_on_openldap_and_keep_their_groups() {
    let Some(server) = slapd::server() else { return };
    for (way, directory) in every_way_to_slapd(server) {
        for (cn, name) in ldap_server::AWKWARD {
            let person = sign_in(&directory, name, slapd::PASSWORD).await;
            let person = person.unwrap_or_else(|refusal| panic!("{way}: {name}: {refusal}"));
            assert_eq!((person.username.as_str(), person.display_name.as_str()), (*name, *cn), "{way}");
            assert!(in_group(&person, "dash-ops"), "{way}: {name}: {:?}", person.groups);
        }
    }
}

#[tokio::test]
async fn a_name_that_tries_to_be_a_filter_or_a_dn_finds_nobody() {
    if let Some(domain) = samba::domain() {
        for (way, directory) in every_way_to_samba(domain) {
            for name in ATTEMPTS {
                let answer = sign_in(&directory, name, samba::PASSWORD).await;
                assert_eq!(answer, Err(DirectoryRefusal::WrongCredentials), "{way}: {name}");
            }
        }
    }
    if let Some(server) = slapd::server() {
        for (way, directory) in every_way_to_slapd(server) {
            for name in ATTEMPTS {
                let answer = sign_in(&directory, name, slapd::PASSWORD).await;
                assert_eq!(answer, Err(DirectoryRefusal::WrongCredentials), "{way}: {name}");
            }
        }
    }
}

#[tokio::test]
async fn on_openldap_a_cycle_of_groups_ends_and_every_kind_of_group_counts() {
    let Some(server) = slapd::server() else { return };
    for (way, directory) in every_way_to_slapd(server) {
        let alice = sign_in(&directory, "alice", slapd::PASSWORD).await.unwrap();
        let mut groups: Vec<&str> = alice.groups.iter().map(|group| group.name.as_str()).collect();
        groups.sort_unstable();
        assert_eq!(groups, ["dash-all", "dash-ops", "dash-ops-nyc"], "{way}");
        assert!(alice.id.as_str().starts_with("entryUUID:"), "{way}: {}", alice.id);
        let bob = sign_in(&directory, "bob", slapd::PASSWORD).await.unwrap();
        let mut groups: Vec<&str> = bob.groups.iter().map(|group| group.name.as_str()).collect();
        groups.sort_unstable();
        assert_eq!(groups, ["dash-finance", "dash-posix"], "{way}");
    }
}

#[tokio::test]
async fn openldap_refuses_strangers_wrong_passwords_and_shared_names_alike() {
    let Some(server) = slapd::server() else { return };
    for (way, directory) in every_way_to_slapd(server) {
        for (name, password) in [("alice", "wrong"), ("nobody", slapd::PASSWORD), ("twin", slapd::PASSWORD)] {
            let answer = sign_in(&directory, name, password).await;
            assert_eq!(answer, Err(DirectoryRefusal::WrongCredentials), "{way}: {name}");
        }
    }
}

#[tokio::test]
async fn own_filters_say_who_is_a_person_and_what_is_a_group() {
    let Some(server) = slapd::server() else { return };
    let own = |person: &str, group: &str| DirectorySettings {
        person_filter: Some(person.parse().unwrap()),
        group_filter: Some(group.parse().unwrap()),
        ..settings(&[&server.ldaps_url()], &server.ca_file)
    };
    let unique = "(&(objectClass=groupOfUniqueNames)(uniqueMember={dn}))";
    let directory = open(&own("(&(objectClass=inetOrgPerson)(cn={username}))", unique));
    let bob = sign_in(&directory, "Bob Baker", slapd::PASSWORD).await.unwrap();
    assert_eq!(bob.username, "bob");
    assert_eq!(bob.groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["dash-finance"]);

    let directory = open(&own("(cn=Alice Archer)", unique));
    assert!(sign_in(&directory, "alice", slapd::PASSWORD).await.is_ok());
    assert_eq!(sign_in(&directory, "bob", slapd::PASSWORD).await, Err(DirectoryRefusal::WrongCredentials));
}

#[tokio::test]
async fn where_strangers_may_not_search_the_admin_is_told_to_name_an_account() {
    let Some(server) = slapd::server() else { return };
    let closed = DirectorySettings {
        base_dn: Some(slapd::CLOSED_BASE_DN.to_owned()),
        ..settings(&[&server.ldaps_url()], &server.ca_file)
    };
    let refusal = sign_in(&open(&closed), "carol", slapd::PASSWORD).await.unwrap_err();
    assert!(matches!(&refusal, DirectoryRefusal::Unreachable(_)) && refusal.to_string().contains("bind_name"), "{refusal}");

    let with_account = open(&with_account(closed, slapd::SERVICE_DN, slapd::PASSWORD));
    assert!(sign_in(&with_account, "carol", slapd::PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_wrong_setting_is_never_an_answer_about_a_person() {
    let Some(server) = slapd::server() else { return };
    let right = settings(&[&server.ldaps_url()], &server.ca_file);
    let bad_account = with_account(right.clone(), slapd::SERVICE_DN, "wrong");
    let bad_base = DirectorySettings { base_dn: Some("dc=nowhere".into()), ..right };
    for (settings, remedy) in [(bad_account, "bind_password"), (bad_base, "base_dn")] {
        let refusal = sign_in(&open(&settings), "alice", slapd::PASSWORD).await.unwrap_err();
        assert!(matches!(&refusal, DirectoryRefusal::Unreachable(_)) && refusal.to_string().contains(remedy), "{refusal}");
    }
}
