//! Directories as they are: people in more groups than a server sends, groups too large to be read, copies of everybody, accounts
//! that end in their own ways, DNs where names should be, and names as people type and paste them.

use std::collections::BTreeSet;
use std::time::Duration;

use belvedere::config::DirectorySettings;
use belvedere::directory::{AccountStatus, Directory as _, DirectoryRefusal, LdapDirectory, RemovalReason};
use belvedere::domain::Person;

use crate::directory_sign_in::{open, settings, sign_in, with_account};
use crate::harness::fault_proxy::FaultProxy;
use crate::harness::ldap_server::LdapServer;
use crate::harness::ldif::{LdifChange, LdifEntry};
use crate::harness::{samba, slapd};

fn below(server: &LdapServer, base: &str) -> DirectorySettings {
    let settings = with_account(settings(&[&server.ldaps_url()], &server.ca_file), slapd::SERVICE_DN, slapd::PASSWORD);
    // Thousands of groups, without optimisation, on a busy machine.
    DirectorySettings { base_dn: Some(base.to_owned()), operation_timeout: Duration::from_mins(1), ..settings }
}

/// A base of a test's own below the one that everybody may search.
fn found_base(server: &LdapServer, name: &str) -> String {
    let base = slapd::dn(name);
    server.administrator().apply(&container(&base, name).ldif()).unwrap();
    base
}

fn container(dn: &str, name: &str) -> LdifEntry {
    LdifEntry::at(dn).with("objectClass", "organizationalRole").with("cn", name)
}

fn group(base: &str, name: &str) -> LdifEntry {
    LdifEntry::at(&slapd::dn_below(base, name)).with("objectClass", "groupOfNames").with("cn", name)
}

async fn refreshed(directory: &LdapDirectory, people: &[Person]) -> Vec<Person> {
    let answers = directory.refresh(people).await;
    let active = |(answer, known): (Result<AccountStatus, _>, &Person)| match answer {
        Ok(AccountStatus::Active(person)) => person,
        other => panic!("{} is {other:?}", known.username),
    };
    answers.into_iter().zip(people).map(active).collect()
}

#[tokio::test]
async fn somebody_in_more_groups_than_a_server_sends_at_once_has_all_of_them_at_sign_in_and_at_refresh() {
    const GROUPS: usize = 1_200;
    let Some(server) = slapd::server() else { return };
    let base = found_base(server, "Joiners");
    server.hire_below(&base, "joiner");
    let member = slapd::dn_below(&base, "joiner");
    let groups: String = (0..GROUPS).map(|n| group(&base, &format!("joined-{n}")).with("member", &member).ldif()).collect();
    server.administrator().apply(&groups).unwrap();
    let directory = open(&below(server, &base));
    let joiner = sign_in(&directory, "joiner", slapd::PASSWORD).await.unwrap();
    assert_eq!(joiner.groups.len(), GROUPS);
    assert_eq!(refreshed(&directory, std::slice::from_ref(&joiner)).await[0].groups.len(), GROUPS);

    // One account is sent no more than a hundred, whatever it says of pages; the other is refused whenever it wants pages.
    for account in [slapd::LIMITED_DN, slapd::UNPAGED_DN] {
        let directory = open(&with_account(below(server, &base), account, slapd::PASSWORD));
        let joiner = sign_in(&directory, "joiner", slapd::PASSWORD).await.unwrap();
        assert_eq!(joiner.groups.len(), GROUPS, "{account}");
        assert_eq!(refreshed(&directory, &[joiner]).await[0].groups.len(), GROUPS, "{account}");
    }
}

#[tokio::test]
async fn groups_too_large_to_be_read_cost_nobody_their_answer_and_the_server_is_not_judged_by_them() {
    // Some eleven megabytes together: more than one answer may have.
    const GROUPS: usize = 9;
    const MEMBERS: usize = 4_000;
    let Some(server) = slapd::server() else { return };
    let base = found_base(server, "Heavy");
    let (administrator, at) = (server.administrator(), |cn: &str| slapd::dn_below(&base, cn));
    let names = ["heavy", "light-1", "light-2", "light-3", "light-4"];
    for name in names {
        server.hire_below(&base, name);
    }
    let crowd: Vec<String> = (0..MEMBERS).map(|n| at(&format!("{n:0>280}"))).collect();
    for n in 0..GROUPS {
        let group = group(&base, &format!("huge-{n}")).with_all("member", &crowd).with("member", at("heavy"));
        administrator.apply(&group.ldif()).unwrap();
    }
    let few = group(&base, "few").with("member", at("heavy")).with("member", at("light-1"));
    administrator.apply(&few.ldif()).unwrap();

    let proxy = FaultProxy::before(&server.ldap_url()).await;
    let through = with_account(settings(&[proxy.url()], &server.ca_file), slapd::SERVICE_DN, slapd::PASSWORD);
    let operation_timeout = Duration::from_mins(1);
    let directory = open(&DirectorySettings { base_dn: Some(base.clone()), operation_timeout, ..through });
    let mut people = Vec::new();
    for name in names {
        people.push(sign_in(&directory, name, slapd::PASSWORD).await.unwrap());
    }
    assert_eq!(people.iter().map(|person| person.groups.len()).collect::<Vec<_>>(), [GROUPS + 1, 1, 0, 0, 0]);
    let before = proxy.searches().len();
    let after = refreshed(&directory, &people).await;
    assert_eq!(after, people, "everybody has their answer, and nobody lost a group");
    let searches = proxy.searches().len() - before;
    assert!(searches < 40, "{searches} searches");
    assert!(sign_in(&directory, "light-4", slapd::PASSWORD).await.is_ok(), "the server was not given up");
}

#[tokio::test]
async fn the_copies_of_a_compatibility_tree_make_nobody_and_no_group_ambiguous() {
    let Some(server) = slapd::server() else { return };
    let base = found_base(server, "FreeIPA");
    let (accounts, compat) = (slapd::dn_below(&base, "accounts"), slapd::dn_below(&base, "compat"));
    let administrator = server.administrator();
    let mut ldif = container(&accounts, "accounts").ldif() + &container(&compat, "compat").ldif();
    for tree in [&accounts, &compat] {
        ldif += &slapd::person(tree, "ipa-alice", "ipa-alice").ldif();
    }
    let member = slapd::dn_below(&accounts, "ipa-alice");
    ldif += &group(&accounts, "ipa-ops").with("member", &member).ldif();
    let copy = LdifEntry::at(&slapd::dn_below(&compat, "ipa-ops")).with("objectClass", "posixGroup").with("cn", "ipa-ops");
    ldif += &copy.with("gidNumber", "77").with("memberUid", "ipa-alice").ldif();
    ldif += &slapd::person(&compat, "trusted", "trusted").ldif();
    administrator.apply(&ldif).unwrap();
    let directory = open(&below(server, &base));
    let alice = sign_in(&directory, "ipa-alice", slapd::PASSWORD).await.unwrap();
    let is_sure = |person: &Person| person.groups.iter().any(|group| group.name == "ipa-ops" && !group.shares_name);
    assert!(is_sure(&alice), "{:?}", alice.groups);
    assert!(is_sure(&refreshed(&directory, &[alice]).await[0]));
    assert!(sign_in(&directory, "trusted", slapd::PASSWORD).await.is_ok(), "who is there alone is no copy");
    let found = directory.find_groups(&["ipa-ops".parse().unwrap()]).await.unwrap();
    assert_eq!(found[0].found.len(), 1, "{found:?}");
}

#[tokio::test]
async fn an_account_that_is_over_ends_sessions_and_lets_nobody_in_though_the_server_takes_the_password() {
    let Some(server) = slapd::server() else { return };
    let administrator = server.administrator();
    let change = |dn: &str, change: &dyn Fn(LdifChange) -> LdifChange| {
        administrator.apply(&change(LdifChange::at(dn)).ldif()).unwrap();
    };
    server.hire("shadow");
    let directory = open(&below(server, slapd::BASE_DN));
    let shadow = sign_in(&directory, "shadow", slapd::PASSWORD).await.unwrap();
    change(&slapd::dn("shadow"), &|person| person.add("objectClass", "shadowAccount").add("shadowExpire", "10957"));
    assert_eq!(directory.refresh(&[shadow]).await, [Ok(AccountStatus::Removed(RemovalReason::AccountExpired))]);
    assert_eq!(sign_in(&directory, "shadow", slapd::PASSWORD).await, Err(DirectoryRefusal::AccountExpired));

    server.hire_below(slapd::POLICY_BASE_DN, "leaver");
    let leaver_dn = slapd::dn_below(slapd::POLICY_BASE_DN, "leaver");
    let directory = open(&below(server, slapd::POLICY_BASE_DN));
    let leaver = sign_in(&directory, "leaver", slapd::PASSWORD).await.unwrap();
    for (end, removal) in [("20990101000000.5+0100", None), ("20200101013000.5+0130", Some(RemovalReason::AccountExpired))] {
        change(&leaver_dn, &|person| person.replace("pwdEndTime", end));
        let answer = directory.refresh(std::slice::from_ref(&leaver)).await.remove(0).unwrap();
        match (answer, removal) {
            (AccountStatus::Active(_), None) => {}
            (AccountStatus::Removed(reason), Some(removal)) if reason == removal => {}
            (other, _) => panic!("{end}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_posix_group_that_lists_dns_counts() {
    let Some(server) = slapd::server() else { return };
    server.hire("by-dn");
    let group = LdifEntry::at(&slapd::dn("posix-of-dns")).with("objectClass", "posixGroup").with("cn", "posix-of-dns");
    let group = group.with("gidNumber", "78").with("memberUid", slapd::dn("by-dn"));
    server.administrator().apply(&group.ldif()).unwrap();
    let directory = open(&below(server, slapd::BASE_DN));
    let person = sign_in(&directory, "by-dn", slapd::PASSWORD).await.unwrap();
    let names = |person: &Person| person.groups.iter().map(|group| group.name.clone()).collect::<BTreeSet<_>>();
    assert_eq!(names(&person), BTreeSet::from(["posix-of-dns".to_owned()]));
    assert_eq!(names(&refreshed(&directory, &[person]).await[0]).len(), 1);
}

#[tokio::test]
async fn names_are_taken_as_people_type_and_paste_them() {
    let Some(domain) = samba::domain() else { return };
    domain.hire("jörg.typed");
    let with_account = with_account(settings(&[&domain.ldaps_url()], &domain.ca_file), samba::SERVICE_ACCOUNT, samba::PASSWORD);
    for settings in [settings(&[&domain.ldaps_url()], &domain.ca_file), with_account] {
        let directory = open(&settings);
        for typed in [
            "jo\u{308}rg.typed",
            "\u{200b}jörg.typed\u{feff}",
            "\u{202a}jörg.typed\u{202c}",
            "CORP/jörg.typed",
            "corp.example.com/jörg.typed",
            "jo\u{308}rg.typed@corp.example.com",
        ] {
            let person = sign_in(&directory, typed, samba::PASSWORD).await;
            assert_eq!(person.map(|person| person.username), Ok("jörg.typed".to_owned()), "{typed:?}");
        }
        assert_eq!(sign_in(&directory, "OTHER/jörg.typed", samba::PASSWORD).await, Err(DirectoryRefusal::WrongCredentials));
    }
}
