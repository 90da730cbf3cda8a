//! Names of different namespaces are never compared as text: whatever a directory calls somebody or their groups, it makes
//! them nobody else.

use belvedere::config::DirectorySettings;
use belvedere::directory::{AccountStatus, Directory as _, DirectoryRefusal, LdapDirectory, RemovalReason};
use belvedere::domain::{GroupRef, Person};
use reqwest::StatusCode;

use crate::directory_sign_in::{open, settings, sign_in, with_account};
use crate::harness::demo_server::page;
use crate::harness::ldap_server::{LdapServer, dn_below};
use crate::harness::ldif::{self, LdifChange, LdifEntry};
use crate::harness::test_server::{TestServer, TestServerBuilder};
use crate::harness::visitor::Visitor;
use crate::harness::{directory_389, samba, slapd};

/// A server other than Active Directory: its base, and the account that searches it.
struct OtherServer {
    server: &'static LdapServer,
    base: &'static str,
    service: &'static str,
    password: &'static str,
}

/// Those that can be started here.
fn other_servers() -> Vec<OtherServer> {
    let slapd = slapd::server().map(|server| OtherServer {
        server,
        base: slapd::BASE_DN,
        service: slapd::SERVICE_DN,
        password: slapd::PASSWORD,
    });
    let of_389 = directory_389::server().map(|server| OtherServer {
        server,
        base: directory_389::BASE_DN,
        service: directory_389::SERVICE_DN,
        password: directory_389::PASSWORD,
    });
    slapd.into_iter().chain(of_389).collect()
}

impl OtherServer {
    fn settings(&self) -> DirectorySettings {
        let below = settings(&[&self.server.ldaps_url()], &self.server.ca_file);
        let below = DirectorySettings { base_dn: Some(self.base.to_owned()), ..below };
        with_account(below, self.service, self.password)
    }

    fn directory(&self) -> LdapDirectory {
        open(&self.settings())
    }

    fn builder(&self) -> TestServerBuilder {
        TestServerBuilder::with_directory(&self.server.ldaps_url())
            .set("directory.ca_file", self.server.ca_file.to_str().unwrap())
            .set("directory.base_dn", self.base)
            .set("directory.bind_name", self.service)
            .set("directory.bind_password", self.password)
    }

    /// Makes a branch of the tree, as somebody has who may write there and nowhere else.
    fn branches(&self, name: &str) -> String {
        let unit = format!("ou={name},{}", self.base);
        let entry = LdifEntry::at(&unit).with("objectClass", "organizationalUnit").with("ou", name);
        self.server.administrator().apply(&entry.ldif()).unwrap();
        unit
    }

    /// Makes a group with one member.
    fn groups(&self, below: &str, name: &str, member: &str) -> String {
        let entry = LdifEntry::at(&dn_below(below, name)).with("objectClass", "groupOfNames").with("cn", name);
        let entry = entry.with("member", dn_below(self.base, member));
        self.server.administrator().apply(&entry.ldif()).unwrap();
        dn_below(below, name)
    }
}

async fn opens_admin(visitor: &mut Visitor) -> bool {
    visitor.opens("/admin").await.status == StatusCode::OK
}

async fn signed_in(house: &TestServer, name: &str, password: &str) -> Visitor {
    let mut visitor = house.visitor();
    visitor.signs_in(name, password).await;
    visitor
}

async fn refreshed(directory: &LdapDirectory, person: &Person) -> Person {
    match directory.refresh(std::slice::from_ref(person)).await.remove(0) {
        Ok(AccountStatus::Active(person)) => person,
        other => panic!("{} is {other:?}", person.username),
    }
}

#[tokio::test]
async fn a_namesake_of_the_admins_group_lets_nobody_in_until_its_dn_is_written() {
    for at in other_servers() {
        at.server.hire("keeper");
        at.server.hire("intruder");
        let dn = at.groups(at.base, "keepers", "keeper");
        let house = at.builder().set("admins.groups", vec!["keepers".to_owned()]).open().await;
        assert!(opens_admin(&mut signed_in(&house, "keeper", at.password).await).await);
        assert!(!opens_admin(&mut signed_in(&house, "intruder", at.password).await).await);
        let branch = at.branches("branch");
        at.groups(&branch, "keepers", "intruder");
        for name in ["intruder", "keeper"] {
            assert!(!opens_admin(&mut signed_in(&house, name, at.password).await).await, "{name} on {}", at.base);
        }
        house.shut_down().await;
        let house = at.builder().set("admins.groups", vec![dn]).open().await;
        assert!(!opens_admin(&mut signed_in(&house, "intruder", at.password).await).await);
        assert!(opens_admin(&mut signed_in(&house, "keeper", at.password).await).await);
        house.shut_down().await;
    }
}

#[tokio::test]
async fn a_name_means_a_group_for_as_long_as_it_is_that_ones_alone_for_who_is_signed_in_too() {
    for at in other_servers() {
        let directory = at.directory();
        at.server.hire("settler");
        let dn = at.groups(at.base, "settlers", "settler");
        let (by_name, by_dn): (GroupRef, GroupRef) = ("settlers".parse().unwrap(), dn.parse().unwrap());
        let is_in = |group: &GroupRef, person: &Person| person.groups.iter().any(|theirs| group.matches(theirs, person));
        let before = sign_in(&directory, "settler", at.password).await.unwrap();
        assert!(is_in(&by_name, &before) && is_in(&by_dn, &before));
        // Another spelling, and a name beside its first one, are the same name to a server.
        for (number, spelling) in ["Settlers", "settlers "].into_iter().enumerate() {
            let other = format!("cn=colony-{number},{}", at.base);
            let entry = LdifEntry::at(&other).with("objectClass", "groupOfNames").with("cn", format!("colony-{number}"));
            let entry = entry.with("cn", spelling).with("member", dn_below(at.base, "settler"));
            at.server.administrator().apply(&entry.ldif()).unwrap();
            for now in [refreshed(&directory, &before).await, sign_in(&directory, "settler", at.password).await.unwrap()] {
                assert!(!is_in(&by_name, &now) && is_in(&by_dn, &now), "{spelling:?} on {}: {:?}", at.base, now.groups);
                assert!(now.groups.iter().any(|group| by_name.may_mean(group, &now)), "what it demands, it still demands");
            }
            at.server.administrator().apply(&ldif::delete(&other)).unwrap();
            assert!(is_in(&by_name, &refreshed(&directory, &before).await), "{}", at.base);
        }
    }
}

#[tokio::test]
async fn nobody_takes_a_colleagues_uid_by_signing_in_another_way_or_while_they_are_signed_in() {
    for at in other_servers() {
        at.server.hire("treasurer");
        let branch = at.branches("uids");
        let entry = |name: &str, uid: &str| {
            LdifEntry::at(&dn_below(&branch, name))
                .with("objectClass", "inetOrgPerson")
                .with("cn", name)
                .with("sn", name)
                .with("uid", uid)
                .with("mail", format!("{name}@branch.example"))
                .with("userPassword", at.password)
        };
        at.server.administrator().apply(&entry("climber", "climber").ldif()).unwrap();
        let ways = [
            |settings: &mut DirectorySettings| settings.sign_in_by_mail = true,
            |settings: &mut DirectorySettings| {
                settings.person_filter = Some("(&(objectClass=person)(mail={username}))".parse().unwrap());
            },
        ];
        for way in ways {
            let mut settings = at.settings();
            way(&mut settings);
            let directory = open(&settings);
            let climber = sign_in(&directory, "climber@branch.example", at.password).await.unwrap();
            assert_eq!(climber.username, "climber");
            let change = LdifChange::at(&dn_below(&branch, "climber")).replace("uid", "treasurer");
            at.server.administrator().apply(&change.ldif()).unwrap();
            let refused = sign_in(&directory, "climber@branch.example", at.password).await;
            assert_eq!(refused, Err(DirectoryRefusal::WrongCredentials), "on {}", at.base);
            let status = directory.refresh(std::slice::from_ref(&climber)).await.remove(0);
            assert_eq!(status, Ok(AccountStatus::Removed(RemovalReason::NotFound)), "on {}", at.base);
            // One that is theirs alone is theirs, also while they are signed in.
            let change = LdifChange::at(&dn_below(&branch, "climber")).replace("uid", "ladder");
            at.server.administrator().apply(&change.ldif()).unwrap();
            assert_eq!(refreshed(&directory, &climber).await.username, "ladder");
            let change = LdifChange::at(&dn_below(&branch, "climber")).replace("uid", "climber");
            at.server.administrator().apply(&change.ldif()).unwrap();
        }
    }
}

#[tokio::test]
async fn whom_a_directory_calls_as_a_local_account_or_anothers_is_told_apart_everywhere() {
    for at in other_servers() {
        at.server.hire("ledger");
        let named = |users: &str| format!("access = {{ users = [{users}] }}\n{}", page("For some"));
        let house = at
            .builder()
            .set("directory.sign_in_by_mail", true)
            .set("admins.users", vec!["ledger".to_owned()])
            .page("forged", &named(r"'local\forger', 'brand\forger', 'forger'"))
            .page("meant", &named(r"'default\local\forger', 'default\brand\forger'"))
            .open()
            .await;
        let mut ledger = signed_in(&house, "ledger", at.password).await;
        for realm in ["local", "brand"] {
            let mail = format!("{realm}@forgers.example");
            let entry = LdifEntry::at(&dn_below(at.base, &format!("forger of {realm}")))
                .with("objectClass", "inetOrgPerson")
                .with("cn", format!("forger of {realm}"))
                .with("sn", "forger")
                .with("uid", format!(r"{realm}\forger"))
                .with("mail", &mail)
                .with("userPassword", at.password);
            at.server.administrator().apply(&entry.ldif()).unwrap();
            let mut forger = signed_in(&house, &mail, at.password).await;
            assert_ne!(forger.opens("/p/forged").await.status, StatusCode::OK, "{realm} on {}", at.base);
            assert_eq!(forger.opens("/p/meant").await.status, StatusCode::OK, "{realm} on {}", at.base);
        }
        let search = "/admin/audit.jsonl?event=signed-in&who=";
        let lines = ledger.fetches(&format!("{search}default%5Clocal%5Cforger")).await.body;
        let line: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!((&line["realm"], &line["account"]), (&"default".into(), &r"local\forger".into()));
        for other in ["local%5Cforger", "brand%5Cforger", "&realm=local"] {
            assert_eq!(ledger.fetches(&format!("{search}{other}")).await.body, "", "{other}");
        }
        house.shut_down().await;
    }
}

#[tokio::test]
async fn an_account_whose_principal_name_is_written_like_another_is_not_that_one() {
    let Some(domain) = samba::domain() else { return };
    domain.hire("pretender");
    let named = |users: &str| format!("access = {{ users = [{users}] }}\n{}", page("For some"));
    let house = TestServerBuilder::with_directory(&domain.ldaps_url())
        .set("directory.ca_file", domain.ca_file.to_str().unwrap())
        .set("directory.bind_name", samba::SERVICE_ACCOUNT)
        .set("directory.bind_password", samba::PASSWORD)
        .set("admins.users", vec![r"local\root".to_owned()])
        .page("brand", &named(r"'brand\alice', 'brand\pretender', 'CORP\pretender'"))
        .page("dashed", &named(r"'default\local\root'"))
        .page("theirs", &named("'pretender'"))
        .open()
        .await;
    for principal in [r"local\root", r"LOCAL\root", r"brand\alice", r"local\root@corp.example.com", "local"] {
        let change = LdifChange::at(&samba::dn("pretender")).replace("userPrincipalName", principal);
        domain.modify(&change.ldif());
        let mut pretender = signed_in(&house, "pretender", samba::PASSWORD).await;
        assert!(!opens_admin(&mut pretender).await, "{principal}");
        for page in ["/p/brand", "/p/dashed"] {
            assert_ne!(pretender.opens(page).await.status, StatusCode::OK, "{principal} {page}");
        }
        assert_eq!(pretender.opens("/p/theirs").await.status, StatusCode::OK, "{principal}");
    }
}
