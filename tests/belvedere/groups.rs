//! The groups that pages and settings name: found as a sign-in would know them, or missed with names that come near.

use std::sync::Arc;
use std::time::Duration;

use belvedere::config::DirectorySettings;
use belvedere::directory::{Directory as _, GroupLookup, GroupMention, GroupWatch, LdapDirectory};
use belvedere::domain::{Clock as _, GroupRef, ManualClock, SystemClock};

use crate::directory_dial::CapturedLog;
use crate::directory_sign_in::{open, settings, sign_in, with_account};
use crate::harness::{samba, slapd};

/// The domain controller, asked by its service account.
fn of_domain(domain: &samba::SambaDomain) -> DirectorySettings {
    with_account(settings(&[&domain.ldaps_url()], &domain.ca_file), samba::SERVICE_ACCOUNT, samba::PASSWORD)
}

async fn find(directory: &LdapDirectory, name: &str) -> GroupLookup {
    directory.find_groups(&[name.parse().unwrap()]).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_group_is_found_by_name_dn_and_sid_as_a_sign_in_knows_it() {
    let Some(domain) = samba::domain() else { return };
    let directory = open(&of_domain(domain));
    let alice = sign_in(&directory, "alice", samba::PASSWORD).await.unwrap();
    let ops = alice.groups.iter().find(|group| group.name == "dash-ops").unwrap();
    let wanted = ["DASH-Ops", "cn=dash-ops, ou=staff, dc=corp,dc=example,dc=com", ops.id.as_str()];
    let wanted: Vec<GroupRef> = wanted.iter().map(|name| name.parse().unwrap()).collect();
    let findings = directory.find_groups(&wanted).await.unwrap();
    assert_eq!(findings.len(), 3);
    for (finding, wanted) in findings.iter().zip(&wanted) {
        assert_eq!((&finding.wanted, finding.found.as_slice()), (wanted, std::slice::from_ref(ops)));
        assert!(wanted.matches(&finding.found[0], &alice));
    }
}

#[tokio::test]
async fn what_lets_nobody_in_is_missing_and_says_why_or_what_comes_near() {
    let Some(domain) = samba::domain() else { return };
    domain.modify(
        "dn: CN=all-hands,OU=Staff,DC=corp,DC=example,DC=com\nobjectClass: group\nsAMAccountName: all-hands\n\
         groupType: 2\n\n",
    );
    let directory = open(&of_domain(domain));
    for (name, near) in [
        ("dash-opps", "dash-ops"),
        ("CORP\\dash-finance", "dash-finance"),
        ("CN=dash-opps,OU=Staff,DC=corp,DC=example,DC=com", "CN=dash-ops,OU=Staff,DC=corp,DC=example,DC=com"),
    ] {
        let finding = find(&directory, name).await;
        assert!(finding.is_missing(), "{finding:?}");
        assert_eq!(finding.suggestions.first().map(String::as_str), Some(near), "{finding:?}");
    }
    for (name, note) in [("all-hands", "distribution list"), ("CN=Alice Archer,OU=Staff,DC=corp,DC=example,DC=com", "no group")]
    {
        let finding = find(&directory, name).await;
        assert!(finding.is_missing() && finding.note.unwrap().contains(note), "{finding:?}");
    }
    for name in ["*", "*)(cn=*", "quarterly figures", "OU=nowhere,DC=other,DC=example"] {
        assert!(find(&directory, name).await.is_missing(), "{name}");
    }
}

#[tokio::test]
async fn a_sid_of_this_domain_is_looked_up_and_one_of_another_is_taken_at_its_word() {
    let Some(domain) = samba::domain() else { return };
    let directory = open(&of_domain(domain));
    let ops = find(&directory, "dash-ops").await.found.remove(0);
    let own = ops.id.as_str().rsplit_once('-').unwrap().0;
    assert!(find(&directory, &format!("{own}-999999")).await.is_missing());
    let foreign = find(&directory, "S-1-5-21-1-2-3-1104").await;
    assert_eq!(foreign.found[0].id.as_str(), "S-1-5-21-1-2-3-1104");
}

#[tokio::test]
async fn without_a_service_account_nobody_can_look() {
    let Some(domain) = samba::domain() else { return };
    let blind = open(&settings(&[&domain.ldaps_url()], &domain.ca_file));
    let unreachable = blind.find_groups(&["dash-ops".parse().unwrap()]).await.unwrap_err();
    assert!(unreachable.reason.contains("bind_name"), "{unreachable}");
}

#[tokio::test]
async fn other_servers_groups_are_found_by_their_common_name_and_namesakes_are_all_told() {
    let Some(server) = slapd::server() else { return };
    let base = slapd::BASE_DN;
    let administrator = server.administrator();
    let group =
        |dn: String| format!("dn: {dn}\nobjectClass: groupOfNames\ncn: namesake\nmember: {}\n\n", slapd::dn("Bob Baker"));
    let unit = format!("dn: ou=groups,{base}\nobjectClass: organizationalUnit\nou: groups\n\n");
    let ldif = unit + &group(format!("cn=namesake,{base}")) + &group(format!("cn=namesake,ou=groups,{base}"));
    administrator.apply(&ldif).unwrap();

    let standard = settings(&[&server.ldaps_url()], &server.ca_file);
    let below = DirectorySettings { base_dn: Some(base.to_owned()), ..standard };
    let directory = open(&with_account(below, slapd::SERVICE_DN, slapd::PASSWORD));
    for name in ["Dash-Ops", "dash-finance", "dash-posix", "cn=dash-ops,dc=example,dc=org"] {
        assert_eq!(find(&directory, name).await.found.len(), 1, "{name}");
    }
    assert_eq!(find(&directory, "namesake").await.found.len(), 2);
    assert_eq!(find(&directory, "dash-financ").await.suggestions.first().map(String::as_str), Some("dash-finance"));
    assert!(find(&directory, "Alice Archer").await.is_missing(), "a person is no group");
}

#[tokio::test]
async fn a_missing_group_is_logged_once_and_found_once_it_is_there() {
    let Some(domain) = samba::domain() else { return };
    // With a single subscriber alive, a test on another thread would settle for all whether anything is logged.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let log = CapturedLog::default();
    let subscriber = tracing_subscriber::fmt().json().with_writer(log.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());

    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let directory = Arc::new(LdapDirectory::new(&of_domain(domain), clock.clone()).unwrap());
    let watch = GroupWatch::new(directory, clock.clone());
    assert_eq!(watch.report(), None);
    let naming = |by: &str| GroupMention { group: "late-comers".parse().unwrap(), named_by: by.to_owned() };
    let namings = [naming("pages/a.toml"), naming("pages/b.toml")];
    for _ in 0..2 {
        watch.check(&namings).await;
        let missing = watch.report().unwrap().ineffective.unwrap();
        assert_eq!(missing.len(), 1);
        assert_eq!(missing[0].1, ["pages/a.toml", "pages/b.toml"]);
        clock.advance(Duration::from_mins(5));
    }
    let written = log.written();
    assert_eq!(written.matches("nobody is let in by it").count(), 1, "{written}");
    assert!(written.contains("pages/a.toml, pages/b.toml"), "{written}");

    domain.modify("dn: CN=late-comers,OU=Staff,DC=corp,DC=example,DC=com\nobjectClass: group\nsAMAccountName: late-comers\n\n");
    watch.check(&namings).await;
    assert!(watch.report().unwrap().ineffective.unwrap().is_empty(), "an answer of minutes ago is not believed any more");
}
