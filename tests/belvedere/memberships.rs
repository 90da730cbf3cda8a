//! Sign-in, refresh and doctor know the same groups of the same people, and doctor says of each how they come by it.

use std::collections::BTreeMap;

use belvedere::config::DirectorySettings;
use belvedere::directory::{AccountStatus, Directory as _, LdapDirectory, MembershipPath, PersonLookup, PersonReport};
use belvedere::domain::{Groups, Person, Username};

use crate::directory_sign_in::{open, settings, sign_in, with_account};
use crate::harness::administrator::Administrator;
use crate::harness::ldif::{LdifChange, LdifEntry};
use crate::harness::{directory_389, samba, slapd};

const DIRECTLY: &str = "directly";
const PRIMARY: &str = "as their primary group";

/// An LDAP server that is no domain controller, with people and groups of this test alone.
struct LdapServer {
    administrator: Administrator,
    settings: DirectorySettings,
    base: &'static str,
    password: &'static str,
}

impl LdapServer {
    fn slapd() -> Option<Self> {
        let server = slapd::server()?;
        let settings = settings(&[&server.ldaps_url()], &server.ca_file);
        let below = DirectorySettings { base_dn: Some(slapd::BASE_DN.to_owned()), ..settings };
        let settings = with_account(below, slapd::SERVICE_DN, slapd::PASSWORD);
        let (administrator, password) = (server.administrator(), slapd::PASSWORD);
        Some(Self { administrator, settings, base: slapd::BASE_DN, password })
    }

    fn directory_389() -> Option<Self> {
        let server = directory_389::server()?;
        let settings = settings(&[&server.ldaps_url()], &server.ca_file);
        let settings = with_account(settings, directory_389::SERVICE_DN, directory_389::PASSWORD);
        let (administrator, password) = (server.administrator(), directory_389::PASSWORD);
        Some(Self { administrator, settings, base: directory_389::BASE_DN, password })
    }

    fn dn(&self, cn: &str) -> String {
        slapd::dn_below(self.base, cn)
    }

    fn person(&self, name: &str) -> LdifEntry {
        LdifEntry::at(&self.dn(name))
            .with_all("objectClass", &["inetOrgPerson", "posixAccount"])
            .with("cn", name)
            .with("sn", name)
            .with("uid", name)
            .with("userPassword", self.password)
            .with("uidNumber", "7100")
            .with("gidNumber", "7101")
            .with("homeDirectory", "/")
    }

    fn group(&self, class: &str, name: &str, values: &[(&str, &str)]) -> String {
        let group = LdifEntry::at(&self.dn(name)).with("objectClass", class).with("cn", name);
        values.iter().fold(group, |group, (attribute, value)| group.with(attribute, value)).ldif()
    }

    async fn is_known_alike(&self, directory: &LdapDirectory, name: &str, expected: &[(&str, &str)]) -> Person {
        let expected: BTreeMap<_, _> = expected.iter().map(|(name, path)| ((*name).into(), (*path).into())).collect();
        assert_eq!(paths(&looked_up(directory, name).await), expected, "{name} below {}", self.base);
        known_alike(directory, name, self.password, &|_| false).await
    }

    /// Every default way of being a member, and then another primary group.
    async fn every_default_way_is_known_alike(&self) {
        let (every, dn) = (self.dn("mem-every"), |name: &str| self.dn(name));
        let [identified, predecessor] = ["'0101'B", "'0110'B"].map(|bits| format!("{every}#{bits}"));
        let ldif = self.person("mem-every").with("x500UniqueIdentifier", "'0101'B").ldif()
            + &self.group("groupOfNames", "mem-inner", &[("member", &every), ("member", &dn("mem-cycle"))])
            + &self.group("groupOfUniqueNames", "mem-outer", &[("uniqueMember", &dn("mem-inner"))])
            + &self.group("groupOfNames", "mem-cycle", &[("member", &dn("mem-outer"))])
            + &self.group("groupOfUniqueNames", "mem-unique", &[("uniqueMember", &identified)])
            + &self.group("groupOfUniqueNames", "mem-predecessor", &[("uniqueMember", &predecessor)])
            + &self.group("posixGroup", "mem-uids", &[("gidNumber", "7103"), ("memberUid", "mem-every")])
            + &self.group("posixGroup", "mem-primary", &[("gidNumber", "7101")])
            + &self.group("posixGroup", "mem-other", &[("gidNumber", "7102")])
            + &self.group("groupOfNames", "mem-of-primary", &[("member", &dn("mem-primary"))]);
        self.administrator.apply(&ldif).unwrap();
        let directory = open(&self.settings);
        let through = "through mem-inner, then mem-outer";
        let mut expected = vec![
            ("mem-inner", DIRECTLY),
            ("mem-outer", "through mem-inner"),
            ("mem-cycle", through),
            ("mem-unique", DIRECTLY),
            ("mem-uids", DIRECTLY),
            ("mem-primary", PRIMARY),
            ("mem-of-primary", "through mem-primary"),
        ];
        let before = self.is_known_alike(&directory, "mem-every", &expected).await;
        let change = LdifChange::at(&self.dn("mem-every")).replace("gidNumber", "7102");
        self.administrator.apply(&change.ldif()).unwrap();
        expected.truncate(5);
        expected.push(("mem-other", PRIMARY));
        let after = self.is_known_alike(&directory, "mem-every", &expected).await;
        assert_eq!(refreshed(&directory, &before).await.groups, after.groups, "the primary group is another now");
    }

    /// The settings' own filter says all there is to say.
    async fn an_own_filter_is_known_alike(&self) {
        let occupant = |name: &str| self.dn(name);
        let ldif = self.person("mem-occupant").ldif()
            + &self.group("organizationalRole", "mem-role", &[("roleOccupant", &occupant("mem-occupant"))])
            + &self.group("organizationalRole", "mem-role-outer", &[("roleOccupant", &occupant("mem-role"))])
            + &self.group("groupOfNames", "mem-not-meant", &[("member", &occupant("mem-occupant"))]);
        self.administrator.apply(&ldif).unwrap();
        let filter = "(&(objectClass=organizationalRole)(roleOccupant={dn}))";
        let directory = open(&DirectorySettings { group_filter: Some(filter.parse().unwrap()), ..self.settings.clone() });
        let expected = [("mem-role", DIRECTLY), ("mem-role-outer", "through mem-role")];
        self.is_known_alike(&directory, "mem-occupant", &expected).await;
    }
}

/// Somebody whose groups a sign-in, a refresh and doctor were asked for, one after the other: all have the same, and each
/// way of doctor's is known but where it `may_be_hidden`.
async fn known_alike(directory: &LdapDirectory, name: &str, password: &str, may_be_hidden: &dyn Fn(&str) -> bool) -> Person {
    let person = sign_in(directory, name, password).await.unwrap();
    assert_eq!(sorted(&refreshed(directory, &person).await.groups), sorted(&person.groups), "{name}, unchanged");
    let stranger = Person { groups: Groups::default(), ..person.clone() };
    assert_eq!(sorted(&refreshed(directory, &stranger).await.groups), sorted(&person.groups), "{name}, from nothing");
    let report = looked_up(directory, name).await;
    let told: Groups = report.memberships.iter().map(|membership| membership.group.clone()).collect();
    assert_eq!(
        (sorted(&told), sorted(&report.person.groups)),
        (sorted(&person.groups), sorted(&person.groups)),
        "{name}, told"
    );
    for membership in &report.memberships {
        let is_known = membership.path != MembershipPath::Unknown;
        assert!(is_known || may_be_hidden(&membership.group.dn), "{name}: {membership:?}");
    }
    person
}

async fn refreshed(directory: &LdapDirectory, person: &Person) -> Person {
    match directory.refresh(std::slice::from_ref(person)).await.remove(0) {
        Ok(AccountStatus::Active(person)) => person,
        other => panic!("{} is {other:?}", person.username),
    }
}

async fn looked_up(directory: &LdapDirectory, name: &str) -> PersonReport {
    match directory.lookup_person(&Username::parse(name).unwrap()).await.unwrap() {
        PersonLookup::Found(report) => *report,
        other => panic!("{name} is {other:?}"),
    }
}

fn sorted(groups: &Groups) -> Vec<(&str, &str)> {
    let mut sorted: Vec<_> = groups.iter().map(|group| (group.id.as_str(), group.name.as_str())).collect();
    sorted.sort_unstable();
    sorted
}

fn paths(report: &PersonReport) -> BTreeMap<String, String> {
    report.memberships.iter().map(|one| (one.group.name.clone(), one.path.in_words())).collect()
}

#[tokio::test]
async fn on_openldap_the_groups_of_a_sign_in_a_refresh_and_doctor_are_the_same() {
    let Some(server) = LdapServer::slapd() else { return };
    server.every_default_way_is_known_alike().await;
}

#[tokio::test]
async fn on_openldap_the_groups_by_an_own_filter_are_the_same_too() {
    let Some(server) = LdapServer::slapd() else { return };
    server.an_own_filter_is_known_alike().await;
}

#[tokio::test]
async fn on_389_the_groups_of_a_sign_in_a_refresh_and_doctor_are_the_same() {
    let Some(server) = LdapServer::directory_389() else { return };
    server.every_default_way_is_known_alike().await;
}

#[tokio::test]
async fn on_389_the_groups_by_an_own_filter_are_the_same_too() {
    let Some(server) = LdapServer::directory_389() else { return };
    server.an_own_filter_is_known_alike().await;
}

#[tokio::test]
async fn with_a_memberof_overlay_the_groups_of_a_sign_in_a_refresh_and_doctor_are_the_same() {
    let Some(server) = slapd::server() else { return };
    let below = settings(&[&server.ldaps_url()], &server.ca_file);
    let below = DirectorySettings { base_dn: Some(slapd::MEMBER_OF_BASE_DN.to_owned()), ..below };
    let with_account = with_account(below, slapd::SERVICE_DN, slapd::PASSWORD);
    // By an own filter that finds nobody, only the person's own entry says what they are in.
    let blind = DirectorySettings { group_filter: Some("(owner={dn})".parse().unwrap()), ..with_account.clone() };
    for (settings, outer) in [(with_account, Some("through dash-ops-nyc")), (blind, None)] {
        let directory = open(&settings);
        known_alike(&directory, "dora", slapd::PASSWORD, &|_| false).await;
        let paths = paths(&looked_up(&directory, "dora").await);
        assert_eq!(paths.get("dash-ops-nyc").map(String::as_str), Some(DIRECTLY), "{paths:?}");
        assert_eq!(paths.get("dash-ops").map(String::as_str), outer, "{paths:?}");
    }
}

#[tokio::test]
async fn on_active_directory_the_groups_of_a_sign_in_a_refresh_and_doctor_are_the_same() {
    let Some(domain) = samba::domain() else { return };
    domain.hire("mem-alice");
    for group in ["mem-inner", "mem-outer", "mem-cycle"] {
        domain.found_group(group);
    }
    for (member, group) in
        [("mem-alice", "mem-inner"), ("mem-inner", "mem-outer"), ("mem-outer", "mem-cycle"), ("mem-cycle", "mem-inner")]
    {
        domain.join(member, group);
    }
    let directory =
        open(&with_account(settings(&[&domain.ldaps_url()], &domain.ca_file), samba::SERVICE_ACCOUNT, samba::PASSWORD));
    // A well-known group, such as "Authenticated Users", has no members to be seen.
    known_alike(&directory, "mem-alice", samba::PASSWORD, &str::is_empty).await;
    let paths = paths(&looked_up(&directory, "mem-alice").await);
    for (name, path) in [
        ("mem-inner", DIRECTLY),
        ("mem-outer", "through mem-inner"),
        ("mem-cycle", "through mem-inner, then mem-outer"),
        ("Domain Users", PRIMARY),
        ("Users", "through Domain Users"),
    ] {
        assert_eq!(paths.get(name).map(String::as_str), Some(path), "{name}: {paths:?}");
    }
}
