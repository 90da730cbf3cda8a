//! The admins' page about the directory, and who may run its diagnostics.

use reqwest::StatusCode;

use crate::harness::demo_server::{DemoServer, page};
use crate::harness::samba;
use crate::harness::test_server::{TestServer, TestServerBuilder};
use crate::pages::public;

/// A server on the domain controller with a misspelt group, whose admin is `alice`.
async fn house(domain: &samba::SambaDomain) -> TestServer {
    let page = "title = \"Operations\"\naccess = { groups = [\"dash-opps\"] }\n\n[[panel]]\ntitle = \"Up\"\n\
                kind = \"stat\"\nsource = \"host\"\nquery = \"uptime\"\nevery = \"1s\"\n";
    TestServerBuilder::with_directory(&domain.ldaps_url())
        .set("directory.ca_file", domain.ca_file.to_str().unwrap())
        .set("directory.bind_name", samba::SERVICE_ACCOUNT)
        .set("directory.bind_password", samba::PASSWORD)
        .set("admins.users", vec!["alice".to_owned()])
        .page("operations", page)
        .open()
        .await
}

#[tokio::test]
async fn an_admin_sees_missing_groups_and_examines_the_directory() {
    let Some(domain) = samba::domain() else { return };
    let house = house(domain).await;
    let mut alice = house.visitor();
    alice.signs_in("alice", samba::PASSWORD).await;
    let page = alice.opens_until("/admin/directory", |page| page.body.contains("dash-opps")).await;
    for part in
        ["pages&#x2F;operations.toml names this group", "Did you mean <code>dash-ops</code>", "answers", "svc-belvedere@"]
    {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }

    let csrf = page.field("/admin/examine", "csrf").unwrap();
    let answer = alice.posts("/admin/examine", &[("csrf", &csrf), ("person", "bob")]).await;
    assert_eq!((answer.status, answer.location.as_deref()), (StatusCode::SEE_OTHER, Some("/admin/directory")));
    let page = alice.opens("/admin/directory").await;
    for part in ["Examined at", "Active Directory", "may bind", "Bob Baker", "dash-finance, directly", "stays closed"] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    assert!(!page.body.contains(samba::PASSWORD));
}

#[tokio::test]
async fn the_overview_lists_pages_that_its_admin_may_not_open_and_says_so() {
    let demo = DemoServer::builder().await.set("admins.users", vec!["alice"]).page("board", &public("Board"));
    let secret = format!("access = {{ users = [\"bob\"] }}\n{}", page("Bob's own"));
    let demo = demo.page("secret", &secret).open().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let overview = alice.opens("/admin").await.body.replace("&#x2F;", "/").replace("&#x27;", "'");
    let row =
        |title: &str| overview.lines().find(|line| line.contains("<tr>") && line.contains(title)).expect(title).to_owned();
    assert!(row("Board").contains("href=\"/p/board\"") && !row("Board").contains("not open to you"), "{}", row("Board"));
    let secret = row("Bob's own");
    assert!(
        secret.contains("not open to you") && secret.contains("pages/secret.toml") && !secret.contains("href="),
        "{secret}"
    );
    assert_eq!(alice.opens("/p/secret").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn nobody_else_has_the_directory_examined() {
    let Some(domain) = samba::domain() else { return };
    let house = house(domain).await;
    let (mut alice, mut bob, mut stranger) = (house.visitor(), house.visitor(), house.visitor());
    bob.signs_in("bob", samba::PASSWORD).await;
    let csrf = bob.opens("/").await.field("/logout", "csrf").unwrap();
    assert_eq!(bob.posts("/admin/examine", &[("csrf", &csrf)]).await.status, StatusCode::FORBIDDEN);
    let turned_away = stranger.posts("/admin/examine", &[("csrf", "x")]).await;
    assert!(!turned_away.status.is_success(), "{}", turned_away.status);

    alice.signs_in("alice", samba::PASSWORD).await;
    let csrf = alice.opens("/admin/directory").await.field("/admin/examine", "csrf").unwrap();
    assert_eq!(alice.posts("/admin/examine", &[("csrf", "forged")]).await.status, StatusCode::BAD_REQUEST);
    let elsewhere = alice.posts_from("https://evil.example", "/admin/examine", &[("csrf", &csrf)]).await;
    assert_eq!(elsewhere.status, StatusCode::FORBIDDEN);
    assert!(!alice.opens("/admin/directory").await.body.contains("Examined at"), "somebody had it examined");
}

#[tokio::test]
async fn the_field_for_a_person_says_why_it_cannot_be_used_without_a_service_account() {
    let Some(domain) = samba::domain() else { return };
    let blind = TestServerBuilder::with_directory(&domain.ldaps_url())
        .set("directory.ca_file", domain.ca_file.to_str().unwrap())
        .set("admins.users", vec!["alice".to_owned()])
        .open()
        .await;
    let mut alice = blind.visitor();
    alice.signs_in("alice", samba::PASSWORD).await;
    let page = alice.opens("/admin/directory").await;
    for part in ["maxlength=\"256\" disabled aria-describedby", "Nobody can be looked up here without a service account"] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    // Whoever sends a name all the same is told so, and not that all is well.
    let csrf = page.field("/admin/examine", "csrf").unwrap();
    alice.posts("/admin/examine", &[("csrf", &csrf), ("person", "bob")]).await;
    let page = alice.opens("/admin/directory").await;
    assert!(page.body.contains("nobody can be looked up without bind_name"), "{}", page.body);

    let house = house(domain).await;
    let mut alice = house.visitor();
    alice.signs_in("alice", samba::PASSWORD).await;
    assert!(!alice.opens("/admin/directory").await.body.contains("aria-describedby=\"examine-person-why\""));
}
