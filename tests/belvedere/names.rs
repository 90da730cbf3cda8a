//! Whose a name is: one person's, in one directory, for as long as the account is theirs; or nobody's.

use belvedere::config::DirectorySettings;
use belvedere::directory::{DirectoryRefusal, LdapDirectory};
use reqwest::StatusCode;

use crate::directory_sign_in::{open, settings, sign_in, with_account};
use crate::harness::demo_server::page;
use crate::harness::fault_proxy::FaultProxy;
use crate::harness::ldap_server::LdapServer;
use crate::harness::ldif::{self, LdifChange, LdifEntry};
use crate::harness::test_server::{TestServer, TestServerBuilder};
use crate::harness::{samba, slapd};
use crate::sign_in::{WRONG, is_welcomed, refused};

/// A server with two directories: the domain controller, and slapd under the name `brand`.
struct TwoDirectories {
    house: TestServer,
    corp: FaultProxy,
    brand: FaultProxy,
}

impl TwoDirectories {
    async fn open(domain: &samba::SambaDomain, server: &LdapServer) -> Self {
        let corp = FaultProxy::with_tls(&domain.ldaps_url(), &domain.ca_file).await;
        let brand = FaultProxy::with_tls(&server.ldaps_url(), &server.ca_file).await;
        let only =
            |group: &str, user: &str| format!("access = {{ groups = ['{group}'], users = ['{user}'] }}\n{}", page("for some"));
        let house = TestServerBuilder::with_directory(corp.url())
            .set("directory.ca_file", corp.ca_file().to_str().unwrap())
            .set("directories.brand.url", brand.url())
            .set("directories.brand.ca_file", brand.ca_file().to_str().unwrap())
            .set("directories.brand.domains", vec!["BRAND", "brand.example"])
            .page("corp", &only("dash-finance", "alice"))
            .page("corp-group", &only("dash-ops", "nobody"))
            .page("brand", &only("brand\\dash-finance", "brand\\alice"))
            .page("brand-group", &only("brand\\dash-ops", "brand\\nobody"))
            .open()
            .await;
        Self { house, corp, brand }
    }

    /// How many binds with a name each directory has got, the default one's first.
    fn binds(&self) -> [usize; 2] {
        [&self.corp, &self.brand].map(|proxy| proxy.binds().iter().filter(|name| !name.is_empty()).count())
    }
}

/// Each way of writing a name with a domain, and whether it is of `brand`.
fn spellings(name: &str) -> Vec<(String, bool)> {
    vec![
        (name.to_owned(), false),
        (format!("CORP\\{name}"), false),
        (format!("corp.example.com\\{name}"), false),
        (format!("{name}@corp.example.com"), false),
        (format!("BRAND\\{name}"), true),
        (format!("brand\\{}", name.to_uppercase()), true),
        (format!("Brand.Example\\{name}"), true),
        (format!("{name}@brand.example"), true),
        (format!("{name}@BRAND.example"), true),
    ]
}

#[tokio::test]
async fn a_sign_in_goes_to_the_directory_that_the_name_says_and_to_no_other() {
    let (Some(domain), Some(server)) = (samba::domain(), slapd::server()) else { return };
    let both = TwoDirectories::open(domain, server).await;
    for (name, is_brand) in spellings("alice") {
        let before = both.binds();
        let password = if is_brand { slapd::PASSWORD } else { samba::PASSWORD };
        is_welcomed(&both.house, &name, password, "Alice Archer").await;
        let after = both.binds();
        let expected = if is_brand { [before[0], before[1] + 1] } else { [before[0] + 1, before[1]] };
        assert_eq!(after, expected, "{name}");
    }
}

#[tokio::test]
async fn a_password_that_one_directory_refused_is_not_tried_at_the_other() {
    let (Some(domain), Some(server)) = (samba::domain(), slapd::server()) else { return };
    let both = TwoDirectories::open(domain, server).await;
    for number in 0..spellings("x").len() {
        // Somebody else each time: failures for one name add up, whatever the domain before it.
        let someone = format!("routed-{}", ["a", "b", "c", "d", "e", "f", "g", "h", "i"][number]);
        domain.hire(&someone);
        server.hire(&someone);
        let (name, is_brand) = spellings(&someone).remove(number);
        let (before, others_password) = (both.binds(), if is_brand { samba::PASSWORD } else { slapd::PASSWORD });
        assert_eq!(refused(&both.house, &name, others_password).await.0, StatusCode::UNAUTHORIZED, "{name}");
        let expected = if is_brand { [before[0], before[1] + 1] } else { [before[0] + 1, before[1]] };
        assert_eq!(both.binds(), expected, "{name}");
    }
}

#[tokio::test]
async fn people_of_another_directory_open_what_names_them_with_their_directory_and_nothing_else() {
    let (Some(domain), Some(server)) = (samba::domain(), slapd::server()) else { return };
    let both = TwoDirectories::open(domain, server).await;
    for (name, password, corp, brand, shown) in
        [("alice", samba::PASSWORD, 200, 403, ">alice<"), ("brand\\alice", slapd::PASSWORD, 403, 200, ">brand\\alice<")]
    {
        let mut visitor = both.house.visitor();
        visitor.signs_in(name, password).await;
        for (slug, expected) in [("corp", corp), ("corp-group", corp), ("brand", brand), ("brand-group", brand)] {
            assert_eq!(visitor.opens(&format!("/p/{slug}")).await.status, expected, "{slug} for {name}");
        }
        let account = visitor.opens("/account").await.body;
        assert!(account.contains(shown), "{name}: {account}");
    }
}

/// The domain controller with its service account, and mail addresses as names.
fn samba_by_mail(domain: &samba::SambaDomain) -> (LdapDirectory, LdapDirectory) {
    let usual = with_account(settings(&[&domain.ldaps_url()], &domain.ca_file), samba::SERVICE_ACCOUNT, samba::PASSWORD);
    let by_mail = DirectorySettings { sign_in_by_mail: true, ..usual.clone() };
    (open(&usual), open(&by_mail))
}

#[tokio::test]
async fn on_active_directory_a_mail_address_is_a_name_where_the_settings_say_so() {
    let Some(domain) = samba::domain() else { return };
    domain.hire("posted");
    domain.modify(&LdifChange::at(&samba::dn("posted")).replace("mail", "Post.Ed@shop.example").ldif());
    let (usual, by_mail) = samba_by_mail(domain);
    let mailed = sign_in(&by_mail, "post.ed@SHOP.example", samba::PASSWORD).await.unwrap();
    assert_eq!(mailed, sign_in(&by_mail, "posted", samba::PASSWORD).await.unwrap());
    let answer = sign_in(&usual, "post.ed@shop.example", samba::PASSWORD).await;
    assert_eq!(answer, Err(DirectoryRefusal::WrongCredentials), "not unless the settings say so");
}

#[tokio::test]
async fn a_mail_address_that_is_also_anothers_name_is_nobodys() {
    let Some(domain) = samba::domain() else { return };
    for (name, mail) in
        [("honest", "honest@shop.example"), ("impostor", "honest@corp.example.com"), ("namesake", "twice@shop.example")]
    {
        domain.hire(name);
        domain.modify(&LdifChange::at(&samba::dn(name)).replace("mail", mail).ldif());
    }
    domain.hire("other-namesake");
    domain.modify(&LdifChange::at(&samba::dn("other-namesake")).replace("mail", "twice@shop.example").ldif());
    let (usual, by_mail) = samba_by_mail(domain);
    for name in ["honest@corp.example.com", "twice@shop.example"] {
        assert_eq!(sign_in(&by_mail, name, samba::PASSWORD).await, Err(DirectoryRefusal::WrongCredentials), "{name}");
    }
    for name in ["honest", "CORP\\honest", "honest@shop.example"] {
        assert_eq!(sign_in(&by_mail, name, samba::PASSWORD).await.unwrap().username, "honest", "{name}");
    }
    assert_eq!(sign_in(&usual, "honest@corp.example.com", samba::PASSWORD).await.unwrap().username, "honest");
}

#[tokio::test]
async fn on_openldap_a_mail_address_is_a_name_where_the_settings_say_so() {
    let Some(server) = slapd::server() else { return };
    server.hire("posted");
    server.hire("clash@shop.example");
    server.hire("clasher");
    let mail = |name: &str, mail: &str| LdifChange::at(&slapd::dn(name)).add("mail", mail).ldif();
    let changes = mail("posted", "post.ed@shop.example") + &mail("clasher", "clash@shop.example");
    server.administrator().apply(&changes).unwrap();
    let usual = settings(&[&server.ldaps_url()], &server.ca_file);
    let by_mail = DirectorySettings { sign_in_by_mail: true, ..usual.clone() };
    for by_mail in [open(&by_mail), open(&with_account(by_mail, slapd::SERVICE_DN, slapd::PASSWORD))] {
        let mailed = sign_in(&by_mail, "Post.Ed@shop.example", slapd::PASSWORD).await.unwrap();
        assert_eq!(mailed, sign_in(&by_mail, "posted", slapd::PASSWORD).await.unwrap());
        let clash = sign_in(&by_mail, "clash@shop.example", slapd::PASSWORD).await;
        assert_eq!(clash, Err(DirectoryRefusal::WrongCredentials), "one person's uid and another's address");
    }
    let usual = open(&usual);
    let answer = sign_in(&usual, "post.ed@shop.example", slapd::PASSWORD).await;
    assert_eq!(answer, Err(DirectoryRefusal::WrongCredentials), "not unless the settings say so");
    assert!(sign_in(&usual, "clash@shop.example", slapd::PASSWORD).await.is_ok(), "a uid may look like an address");
}

#[tokio::test]
async fn on_active_directory_a_person_stays_who_they_are_until_the_account_is_another() {
    let Some(domain) = samba::domain() else { return };
    domain.hire("mover");
    let plain = settings(&[&domain.ldaps_url()], &domain.ca_file);
    let ways = [open(&plain), open(&with_account(plain, samba::SERVICE_ACCOUNT, samba::PASSWORD))];
    let mut ids = Vec::new();
    let mut look = async |name: &str| {
        for directory in &ways {
            ids.push(sign_in(directory, name, samba::PASSWORD).await.unwrap().id);
        }
    };
    look("mover").await;
    domain.rename("mover", "Mover, Married (née Früher)");
    look("mover").await;
    domain.move_to("mover", "CN=Users");
    look("CORP\\mover").await;
    let account =
        LdifChange::at(&domain.dn("mover")).replace("sAMAccountName", "MOVER").replace("userPrincipalName", "m@brand.example");
    domain.modify(&account.ldif());
    look("Mover").await;
    look("M@brand.example").await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    domain.delete("mover");
    domain.hire("mover");
    for directory in &ways {
        let successor = sign_in(directory, "mover", samba::PASSWORD).await.unwrap();
        assert_ne!(successor.id, ids[0], "another account of the same name is another person");
    }
}

#[tokio::test]
async fn on_openldap_a_person_stays_who_they_are_until_the_entry_is_another() {
    let Some(server) = slapd::server() else { return };
    server.hire("mover");
    let directory = open(&settings(&[&server.ldaps_url()], &server.ca_file));
    let id = async |name: &str| sign_in(&directory, name, slapd::PASSWORD).await.unwrap().id;
    let before = id("mover").await;
    let unit = format!("ou=elsewhere,{}", slapd::BASE_DN);
    let unit_entry = LdifEntry::at(&unit).with("objectClass", "organizationalUnit").with("ou", "elsewhere").ldif();
    let moved = format!("cn=Mover\\, Married,{unit}");
    let rename = ldif::rename(&slapd::dn("mover"), "cn=Mover\\, Married", Some(&unit));
    let changed_case = LdifChange::at(&moved).replace("uid", "MOVER").ldif();
    server.administrator().apply(&(unit_entry + &rename + &changed_case)).unwrap();
    assert_eq!(id("mover").await, before);
    server.administrator().apply(&ldif::delete(&moved)).unwrap();
    server.hire("mover");
    assert_ne!(id("mover").await, before, "another entry of the same name is another person");
}

#[tokio::test]
async fn on_openldap_the_posix_group_of_a_persons_number_counts_and_so_do_unique_members() {
    let Some(server) = slapd::server() else { return };
    for name in ["numbered", "unnumbered"] {
        server.hire(name);
    }
    let posix = LdifChange::at(&slapd::dn("numbered"))
        .add("objectClass", "posixAccount")
        .add("uidNumber", "4711")
        .add("gidNumber", "4711")
        .add("homeDirectory", "/nowhere")
        .add("x500UniqueIdentifier", "'0101'B")
        .ldif();
    let group = |name: &str, number: &str| {
        LdifEntry::at(&slapd::dn(name)).with("objectClass", "posixGroup").with("cn", name).with("gidNumber", number).ldif()
    };
    let above = LdifEntry::at(&slapd::dn("above-primary"))
        .with("objectClass", "groupOfNames")
        .with("cn", "above-primary")
        .with("member", slapd::dn("primary"))
        .ldif();
    // Names with a unique identifier behind them (RFC 4517, 3.3.21); the second is of somebody who had the DN before.
    let unique = |name: &str, bits: &str| {
        LdifEntry::at(&slapd::dn(name))
            .with("objectClass", "groupOfUniqueNames")
            .with("cn", name)
            .with("uniqueMember", format!("{}#{bits}", slapd::dn("numbered")))
            .ldif()
    };
    let uniques = unique("unique", "'0101'B") + &unique("of-a-predecessor", "'0110'B");
    let groups = posix + &group("primary", "4711") + &group("not-primary", "47110") + &above + &uniques;
    server.administrator().apply(&groups).unwrap();
    let plain = settings(&[&server.ldaps_url()], &server.ca_file);
    let own = DirectorySettings {
        group_filter: Some("(&(objectClass=groupOfNames)(member={dn}))".parse().unwrap()),
        ..plain.clone()
    };
    for (settings, name, expected) in [
        (&plain, "numbered", &["above-primary", "primary", "unique"][..]),
        (&plain, "unnumbered", &[]),
        (&own, "numbered", &[]),
    ] {
        let person = sign_in(&open(settings), name, slapd::PASSWORD).await.unwrap();
        let mut groups: Vec<&str> = person.groups.iter().map(|group| group.name.as_str()).collect();
        groups.sort_unstable();
        assert_eq!(groups, expected, "{name}");
    }
    assert_eq!(sign_in(&open(&plain), "numbered", WRONG).await, Err(DirectoryRefusal::WrongCredentials));
}
