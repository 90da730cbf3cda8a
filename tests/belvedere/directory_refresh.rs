//! Refreshing people from a directory: a domain controller and OpenLDAP, with the searches counted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use belvedere::audit::Audit;
use belvedere::auth::SessionRefresher;
use belvedere::config::{DirectorySettings, SessionSettings};
use belvedere::directory::{AccountStatus, Directory as _, LdapDirectory, RemovalReason, Unreachable};
use belvedere::domain::{Client, Groups, ManualClock, Person, PersonId, Revalidation, Timestamp};
use belvedere::sessions::{SessionOptions, Sessions};
use tokio_util::task::AbortOnDropHandle;

use crate::directory_sign_in::{open, settings, sign_in, with_account};
use crate::harness::fault_proxy::{Fault, FaultProxy};
use crate::harness::ldap_server::LdapServer;
use crate::harness::ldif::{self, LdifChange, LdifEntry};
use crate::harness::{samba, slapd};
use crate::sessions::START;

/// The most searches of a refresh of two thousand sessions: "tens", and not one for each.
const MAX_SEARCHES: usize = 100;

fn on_samba(domain: &samba::SambaDomain) -> DirectorySettings {
    with_account(settings(&[&domain.ldaps_url()], &domain.ca_file), samba::SERVICE_ACCOUNT, samba::PASSWORD)
}

fn on_slapd(server: &LdapServer) -> DirectorySettings {
    with_account(settings(&[&server.ldaps_url()], &server.ca_file), slapd::SERVICE_DN, slapd::PASSWORD)
}

async fn became_of(directory: &LdapDirectory, person: &Person) -> Result<AccountStatus, Unreachable> {
    directory.refresh(std::slice::from_ref(person)).await.remove(0)
}

async fn is_here(directory: &LdapDirectory, person: &Person) -> Person {
    match became_of(directory, person).await {
        Ok(AccountStatus::Active(person)) => person,
        other => panic!("{} is {other:?}", person.username),
    }
}

async fn is_gone(directory: &LdapDirectory, person: &Person, removal: RemovalReason) {
    assert_eq!(became_of(directory, person).await, Ok(AccountStatus::Removed(removal)), "{}", person.username);
}

fn groups_of(person: &Person) -> BTreeSet<&str> {
    person.groups.iter().map(|group| group.name.as_str()).collect()
}

#[tokio::test]
async fn on_active_directory_what_became_of_somebody_is_told() {
    let Some(domain) = samba::domain() else { return };
    let directory = open(&on_samba(domain));
    let names = ["stays", "disabled", "deleted", "again", "moved", "locked", "expires", "by-night"];
    let mut people = Vec::new();
    for name in names.map(|name| format!("fresh-{name}")) {
        domain.hire(&name);
        people.push(sign_in(&directory, &name, samba::PASSWORD).await.unwrap());
    }
    let [stays, disabled, deleted, again, moved, locked, expires, by_night] = people.try_into().unwrap();
    assert_eq!(is_here(&directory, &stays).await, stays, "nothing has changed");

    domain.disable("fresh-disabled");
    is_gone(&directory, &disabled, RemovalReason::Disabled).await;
    domain.enable("fresh-disabled");
    is_here(&directory, &disabled).await;

    domain.delete("fresh-deleted");
    is_gone(&directory, &deleted, RemovalReason::NotFound).await;

    domain.delete("fresh-again");
    domain.hire("fresh-again");
    is_gone(&directory, &again, RemovalReason::NotFound).await;
    assert_ne!(sign_in(&directory, "fresh-again", samba::PASSWORD).await.unwrap().id, again.id);

    domain.rename("fresh-moved", "Else, Someone");
    domain.move_to("fresh-moved", "CN=Users");
    assert_eq!(is_here(&directory, &moved).await.id, moved.id);

    // A stranger could do this to anybody.
    domain.lock("fresh-locked");
    is_here(&directory, &locked).await;

    let change = |name: &str, attribute: &str, value: &[u8]| {
        domain.modify(&LdifChange::at(&domain.dn(name)).replace(attribute, value).ldif());
    };
    // A FILETIME in the year 2001.
    change("fresh-expires", "accountExpires", b"126500000000000000");
    is_gone(&directory, &expires, RemovalReason::AccountExpired).await;
    change("fresh-by-night", "logonHours", &[0; 21]);
    is_gone(&directory, &by_night, RemovalReason::NotAtThisHour).await;

    let all = directory.refresh(&[deleted, stays.clone(), disabled]).await;
    assert!(
        matches!(&all[..], [Ok(AccountStatus::Removed(_)), Ok(AccountStatus::Active(here)), Ok(AccountStatus::Active(_))] if *here == stays),
        "each answer is in its place: {all:?}"
    );
}

#[tokio::test]
async fn on_active_directory_groups_gained_and_lost_are_found_out_however_deep() {
    let Some(domain) = samba::domain() else { return };
    let directory = open(&on_samba(domain));
    for name in ["grouped", "ungrouped"] {
        domain.hire(name);
    }
    for group in ["grp-inner", "grp-middle", "grp-outer"] {
        domain.found_group(group);
    }
    domain.join("grp-middle", "grp-outer");
    let grouped = sign_in(&directory, "grouped", samba::PASSWORD).await.unwrap();
    let ungrouped = sign_in(&directory, "ungrouped", samba::PASSWORD).await.unwrap();

    domain.join("grouped", "grp-inner");
    let grouped = is_here(&directory, &grouped).await;
    assert!(groups_of(&grouped).contains("grp-inner") && !groups_of(&grouped).contains("grp-outer"));
    // Nothing about the person changes: a group of theirs becomes another's member.
    domain.join("grp-inner", "grp-middle");
    let grouped = is_here(&directory, &grouped).await;
    assert!(groups_of(&grouped).is_superset(&BTreeSet::from(["grp-inner", "grp-middle", "grp-outer", "Domain Users"])));
    assert_eq!(is_here(&directory, &ungrouped).await, ungrouped, "nobody else's");

    domain.leave("grp-middle", "grp-outer");
    let grouped = is_here(&directory, &grouped).await;
    assert!(groups_of(&grouped).contains("grp-middle") && !groups_of(&grouped).contains("grp-outer"));

    // The very groups that a sign-in finds.
    let signed_in = sign_in(&directory, "grouped", samba::PASSWORD).await.unwrap();
    let ids = |person: &Person| person.groups.iter().map(|group| group.id.clone()).collect::<BTreeSet<_>>();
    assert_eq!(ids(&grouped), ids(&signed_in));
}

#[tokio::test]
async fn on_openldap_what_became_of_somebody_is_told() {
    let Some(server) = slapd::server() else { return };
    let directory = open(&on_slapd(server));
    let administrator = server.administrator();
    let names = ["of-stays", "of-deleted", "of-again", "of-moved", "of-renamed"];
    let mut people = Vec::new();
    for name in names {
        server.hire(name);
        people.push(sign_in(&directory, name, slapd::PASSWORD).await.unwrap());
    }
    let [stays, deleted, again, moved, renamed] = people.try_into().unwrap();
    assert_eq!(is_here(&directory, &stays).await, stays);

    administrator.apply(&ldif::delete(&slapd::dn("of-deleted"))).unwrap();
    is_gone(&directory, &deleted, RemovalReason::NotFound).await;
    administrator.apply(&ldif::delete(&slapd::dn("of-again"))).unwrap();
    server.hire("of-again");
    is_gone(&directory, &again, RemovalReason::NotFound).await;
    administrator.apply(&ldif::rename(&slapd::dn("of-moved"), "cn=Somewhere\\, Else", None)).unwrap();
    assert_eq!(is_here(&directory, &moved).await.id, moved.id);
    let change = LdifChange::at(&slapd::dn("of-renamed")).replace("displayName", "Renée Named").replace("uid", "renee");
    administrator.apply(&change.ldif()).unwrap();
    let renamed = is_here(&directory, &renamed).await;
    assert_eq!((renamed.display_name.as_str(), renamed.username.as_str()), ("Renée Named", "renee"));

    // Who is no person any more by the settings' filter is not found, whatever their name is.
    let narrow =
        DirectorySettings { person_filter: Some("(&(displayName=*)(uid={username}))".parse().unwrap()), ..on_slapd(server) };
    let narrow = open(&narrow);
    is_gone(&narrow, &stays, RemovalReason::NotFound).await;
    is_here(&narrow, &renamed).await;
}

#[tokio::test]
async fn on_openldap_an_account_that_an_administrator_locked_is_disabled() {
    let Some(server) = slapd::server() else { return };
    let policy = DirectorySettings { base_dn: Some(slapd::POLICY_BASE_DN.to_owned()), ..on_slapd(server) };
    let directory = open(&policy);
    let well = sign_in(&directory, "well", slapd::PASSWORD).await.unwrap();
    is_here(&directory, &well).await;
    let id = server.administrator().text(slapd::POLICY_BASE_DN, "(uid=locked)", "entryUUID").unwrap();
    let locked = Person { id: PersonId::new(format!("entryUUID:{id}")), ..well };
    is_gone(&directory, &locked, RemovalReason::Disabled).await;
}

#[tokio::test]
async fn on_openldap_every_kind_of_group_gained_and_lost_is_found_out() {
    let Some(server) = slapd::server() else { return };
    let administrator = server.administrator();
    server.hire("og-alice");
    let (alice, inner) = (slapd::dn("og-alice"), slapd::dn("og-inner"));
    let group = |class: &str, name: &str| LdifEntry::at(&slapd::dn(name)).with("objectClass", class).with("cn", name);
    let nobody = slapd::dn("nobody");
    administrator.apply(&group("groupOfNames", "og-inner").with("member", &nobody).ldif()).unwrap();
    administrator.apply(&group("groupOfUniqueNames", "og-outer").with("uniqueMember", &inner).ldif()).unwrap();
    administrator.apply(&group("posixGroup", "og-posix").with("gidNumber", "77").ldif()).unwrap();
    let directory = open(&on_slapd(server));
    let known = sign_in(&directory, "og-alice", slapd::PASSWORD).await.unwrap();
    assert!(known.groups.is_empty());

    let change = |group: &str, change: &dyn Fn(LdifChange) -> LdifChange| {
        administrator.apply(&change(LdifChange::at(&slapd::dn(group))).ldif()).unwrap();
    };
    change("og-inner", &|group| group.add("member", &alice));
    let known = is_here(&directory, &known).await;
    assert_eq!(groups_of(&known), BTreeSet::from(["og-inner", "og-outer"]));
    change("og-posix", &|group| group.add("memberUid", "OG-Alice"));
    let known = is_here(&directory, &known).await;
    assert_eq!(groups_of(&known), groups_of(&sign_in(&directory, "og-alice", slapd::PASSWORD).await.unwrap()));
    change("og-outer", &|group| group.replace("uniqueMember", &nobody));
    let known = is_here(&directory, &known).await;
    assert!(groups_of(&known).contains("og-inner") && !groups_of(&known).contains("og-outer"), "{known:?}");
}

#[tokio::test]
async fn the_groups_of_a_memberof_overlay_are_as_at_sign_in() {
    let Some(server) = slapd::server() else { return };
    let base_dn = Some(slapd::MEMBER_OF_BASE_DN.to_owned());
    let proxy = FaultProxy::before(&server.ldap_url()).await;
    let through = with_account(settings(&[proxy.url()], &server.ca_file), slapd::SERVICE_DN, slapd::PASSWORD);
    let directory = open(&DirectorySettings { base_dn, ..through });
    let dora = sign_in(&directory, "dora", slapd::PASSWORD).await.unwrap();
    assert_eq!(groups_of(&dora), BTreeSet::from(["dash-ops", "dash-ops-nyc"]));
    let before = proxy.searches().len();
    assert_eq!(is_here(&directory, &dora).await, dora);
    assert_eq!(
        proxy.searches().len() - before,
        5,
        "the person, three levels of groups, and whose names those are: {:?}",
        proxy.searches()
    );
}

#[tokio::test]
async fn an_answer_that_failed_or_shows_nobody_says_nothing_of_anybody() {
    let Some(server) = slapd::server() else { return };
    server.hire("oo-alice");
    let proxy = FaultProxy::before(&server.ldap_url()).await;
    let through = with_account(settings(&[proxy.url()], &server.ca_file), slapd::SERVICE_DN, slapd::PASSWORD);
    let directory = open(&through);
    let alice = sign_in(&directory, "oo-alice", slapd::PASSWORD).await.unwrap();
    for fault in [Fault::Refuse, Fault::Cut] {
        proxy.set(fault).await;
        assert!(became_of(&directory, &alice).await.is_err(), "{fault:?}");
    }
    proxy.set(Fault::Pass).await;

    // The account lost its rights, or the base leads elsewhere.
    let elsewhere = open(&DirectorySettings { base_dn: Some(slapd::dn("Bob Baker")), ..through.clone() });
    let bob = sign_in(&open(&through), "bob", slapd::PASSWORD).await.unwrap();
    is_here(&elsewhere, &bob).await;
    is_gone(&elsewhere, &alice, RemovalReason::NotFound).await;
    let empty = open(&DirectorySettings { base_dn: Some(slapd::dn("dash-posix")), ..through.clone() });
    let unreachable = became_of(&empty, &alice).await.unwrap_err();
    assert!(unreachable.reason.contains("sees nobody at all"), "{unreachable}");

    let without = open(&settings(&[&server.ldap_url()], &server.ca_file));
    let unreachable = became_of(&without, &alice).await.unwrap_err();
    assert!(unreachable.reason.contains("bind_name"), "{unreachable}");
    assert_eq!(without.revalidation(&alice), Revalidation::Unrefreshed);
}

/// Sessions of people, refreshed from a directory behind a proxy that counts.
struct RefreshedSessions {
    clock: Arc<ManualClock>,
    sessions: Sessions,
    refresh: Arc<SessionRefresher>,
    _work: AbortOnDropHandle<()>,
    _folder: tempfile::TempDir,
}

impl RefreshedSessions {
    /// Begins that many sessions of each person, as if they had just signed in.
    async fn of(directory: LdapDirectory, people: &[Person], sessions_each: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let settings = SessionSettings::with_lifetimes(Duration::from_hours(12), Duration::from_hours(24 * 7));
        let sessions = Sessions::open(&folder.path().join("sessions.db"), &settings, clock.clone()).await.unwrap();
        for person in people {
            for _ in 0..sessions_each {
                sessions
                    .begin(person, &Client::default(), SessionOptions::password_only(Revalidation::Refreshed))
                    .await
                    .unwrap();
            }
        }
        let directory = Arc::new(directory);
        let refresh =
            Arc::new(SessionRefresher::new(directory, sessions.clone(), Audit::new(), clock.clone(), settings.refresh));
        let work = AbortOnDropHandle::new(tokio::spawn({
            let refresh = Arc::clone(&refresh);
            async move { refresh.run().await }
        }));
        Self { clock, sessions, refresh, _work: work, _folder: folder }
    }

    /// Waits for the end of the next round; the time passes meanwhile.
    async fn goes_round(&self) -> Timestamp {
        let mut reports = self.refresh.subscribe();
        let before = reports.borrow_and_update().last_completed;
        let passing = async {
            loop {
                // The store answers from a thread of its own: the time does not run away from it.
                self.sessions.count_people().await.unwrap();
                self.clock.advance(Duration::from_millis(100));
            }
        };
        let round = reports.wait_for(|report| report.last_completed > before);
        tokio::select! {
            report = round => report.unwrap().last_completed.unwrap(),
            () = passing => unreachable!("it passes for ever"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_people_on_openldap_cost_tens_of_searches_a_round() {
    const PEOPLE: usize = 2_000;
    let Some(server) = slapd::server() else { return };
    let administrator = server.administrator();
    let base = slapd::dn("Many");
    let at = |cn: &str| slapd::dn_below(&base, cn);
    let top = LdifEntry::at(&base).with("objectClass", "organizationalRole").with("cn", "Many").ldif();
    let names: Vec<String> = (0..PEOPLE).map(|number| format!("many-{number}")).collect();
    let people: String = names.iter().map(|name| slapd::person(&base, name, name).ldif()).collect();
    let group = |name: &str| LdifEntry::at(&at(name)).with("objectClass", "groupOfNames").with("cn", name);
    let all: Vec<String> = names.iter().map(|name| at(name)).collect();
    let groups = group("everybody").with_all("member", &all).ldif()
        + &group("company").with("member", at("everybody")).ldif()
        + &group("few").with_all("member", &all[..7]).ldif();
    administrator.apply(&(top + &people + &groups)).unwrap();

    let proxy = FaultProxy::before(&server.ldap_url()).await;
    let through = with_account(settings(&[proxy.url()], &server.ca_file), slapd::SERVICE_DN, slapd::PASSWORD);
    let directory = open(&DirectorySettings { base_dn: Some(base.clone()), ..through });
    let one = sign_in(&directory, "many-7", slapd::PASSWORD).await.unwrap();
    let other = sign_in(&directory, "many-0", slapd::PASSWORD).await.unwrap();
    let found = administrator.search(&base, "(uid=*)", &["uid", "entryUUID"]).unwrap();
    let people: Vec<Person> = found
        .iter()
        .map(|entry| {
            let text = |attribute: &str| String::from_utf8(entry[attribute][0].clone()).unwrap();
            let (uid, id) = (text("uid"), PersonId::new(format!("entryUUID:{}", text("entryUUID"))));
            let is_of_the_few = names[..7].contains(&uid);
            let groups = if is_of_the_few { other.groups.clone() } else { one.groups.clone() };
            Person { id, username: uid.clone(), display_name: uid, groups, ..one.clone() }
        })
        .collect();
    assert_eq!(people.len(), PEOPLE);

    let kept = RefreshedSessions::of(directory, &people, 1).await;
    let first = kept.goes_round().await;
    let before = proxy.searches().len();
    kept.goes_round().await;
    let searches = proxy.searches().len() - before;
    println!("{PEOPLE} sessions of {PEOPLE} people on OpenLDAP: {searches} searches a round");
    assert!(searches <= MAX_SEARCHES, "{searches} searches");
    assert_eq!(kept.refresh.report().people, PEOPLE);
    for person in [&people[0], &people[PEOPLE / 2], &people[PEOPLE - 1]] {
        let confirmed_at = kept.sessions.of_person(&person.id).await.unwrap()[0].confirmed_at;
        assert!(confirmed_at >= first, "everybody's turn has come");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_sessions_on_active_directory_cost_tens_of_searches_a_round() {
    // A domain controller takes its time for each new account; the searches are counted by the person all the same.
    const PEOPLE: usize = 300;
    const SESSIONS_EACH: usize = 7;
    let Some(domain) = samba::domain() else { return };
    let names: Vec<String> = (0..PEOPLE).map(|number| format!("many-{number}")).collect();
    domain.hire_all(&names);
    domain.found_group("many-all");
    domain.found_group("many-company");
    domain.join("many-all", "many-company");
    domain.join_all(&names, "many-all");

    let proxy = FaultProxy::with_tls(&domain.ldaps_url(), &domain.ca_file).await;
    let directory = open(&with_account(settings(&[proxy.url()], &proxy.ca_file()), samba::SERVICE_ACCOUNT, samba::PASSWORD));
    let one = sign_in(&directory, "many-0", samba::PASSWORD).await.unwrap();
    assert!(groups_of(&one).contains("many-company"));
    let people: Vec<Person> = domain
        .object_guids("many-*")
        .into_iter()
        .map(|(name, guid)| Person {
            id: PersonId::new(format!("objectGUID:{}", guid_text(&guid))),
            principal: format!("{name}@{}", samba::DNS_DOMAIN).parse().ok(),
            display_name: name.clone(),
            username: name,
            ..one.clone()
        })
        .filter(|person| names.contains(&person.username))
        .collect();
    assert_eq!(people.len(), PEOPLE);
    assert!(people.contains(&one), "they are written as the program writes them");

    let kept = RefreshedSessions::of(directory, &people, SESSIONS_EACH).await;
    kept.goes_round().await;
    let before = proxy.searches().len();
    kept.goes_round().await;
    let searches = proxy.searches()[before..].to_vec();
    let sessions = PEOPLE * SESSIONS_EACH;
    println!("{sessions} sessions of {PEOPLE} people on Active Directory: {} searches a round", searches.len());
    assert!(searches.len() <= MAX_SEARCHES, "{} searches", searches.len());
    let one_by_one = searches.iter().filter(|search| search.attributes.iter().any(|name| name == "tokenGroups"));
    assert_eq!(one_by_one.count(), 0, "nobody's groups have changed");
    assert_eq!(kept.sessions.of_person(&one.id).await.unwrap()[0].person.groups.len(), one.groups.len());
    assert_ne!(one.groups, Groups::default());
}

/// MS-DTYP 2.3.4.2: the first three parts are little-endian.
fn guid_text(bytes: &[u8]) -> String {
    let part = |range: std::ops::Range<usize>, is_turned: bool| {
        let mut bytes = bytes[range].to_vec();
        if is_turned {
            bytes.reverse();
        }
        hex::encode(bytes)
    };
    [part(0..4, true), part(4..6, true), part(6..8, true), part(8..10, false), part(10..16, false)].join("-")
}
