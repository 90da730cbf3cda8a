//! Who gets in at 389 Directory Server.

use belvedere::config::DirectorySettings;
use belvedere::directory::DirectoryRefusal;

use crate::directory_sign_in::{open, settings, sign_in, with_account};
use crate::harness::directory_389::{PASSWORD, SERVICE_DN, server};
use crate::harness::ldap_server::AWKWARD;

/// The server over LDAPS, StartTLS and plain, with and without an account.
fn every_way(server: &crate::harness::ldap_server::LdapServer) -> Vec<(&'static str, DirectorySettings)> {
    let ldaps = settings(&[&server.ldaps_url()], &server.ca_file);
    let start_tls = DirectorySettings { start_tls: true, ..settings(&[&server.ldap_url()], &server.ca_file) };
    let plain = settings(&[&server.ldap_url()], &server.ca_file);
    vec![
        ("LDAPS, with an account", with_account(ldaps.clone(), SERVICE_DN, PASSWORD)),
        ("LDAPS, anonymously", ldaps),
        ("StartTLS, anonymously", start_tls),
        ("plain on loopback, anonymously", plain),
    ]
}

#[tokio::test]
async fn on_389_members_get_in_with_their_groups_and_a_stable_id() {
    let Some(server) = server() else { return };
    let id =
        |uid: &str| server.administrator().text(super::harness::directory_389::BASE_DN, &format!("(uid={uid})"), "nsUniqueId");
    for (way, settings) in every_way(server) {
        let directory = open(&settings);
        for (name, expected) in
            [("alice", vec!["dash-all", "dash-ops", "dash-ops-nyc"]), ("bob", vec!["dash-finance", "dash-posix"])]
        {
            let person = sign_in(&directory, name, PASSWORD).await;
            let person = person.unwrap_or_else(|refusal| panic!("{way}: {name}: {refusal}"));
            let mut groups: Vec<&str> = person.groups.iter().map(|group| group.name.as_str()).collect();
            groups.sort_unstable();
            assert_eq!(groups, expected, "{way}: {name}");
            assert_eq!(person.id.as_str().strip_prefix("nsUniqueId:"), id(name).as_deref(), "{way}: {name}");
        }
        for (cn, name) in AWKWARD {
            let person = sign_in(&directory, name, PASSWORD).await;
            let person = person.unwrap_or_else(|refusal| panic!("{way}: {name}: {refusal}"));
            assert_eq!((person.username.as_str(), person.display_name.as_str()), (*name, *cn), "{way}");
        }
    }
}

#[tokio::test]
async fn on_389_strangers_wrong_passwords_and_shared_names_are_refused_alike() {
    let Some(server) = server() else { return };
    for (way, settings) in every_way(server) {
        let directory = open(&settings);
        for (name, password) in [("alice", "wrong"), ("nobody", PASSWORD), ("twin", PASSWORD)] {
            assert_eq!(sign_in(&directory, name, password).await, Err(DirectoryRefusal::WrongCredentials), "{way}: {name}");
        }
    }
}
