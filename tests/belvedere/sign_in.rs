//! Signing in through the form: who is let in, what everybody else is told, and what nobody is.
//!
//! Everything happens in the whole program, on a Samba domain controller, on slapd, and on the embedded directory.

use std::sync::Arc;
use std::time::Duration;

use belvedere::domain::{Clock as _, ManualClock, SystemClock, Timestamp};
use reqwest::StatusCode;

use crate::harness::demo_server::{DemoServer, page};
use crate::harness::ldap_server::{self, LdapServer};
use crate::harness::test_server::{TestServer, TestServerBuilder};
use crate::harness::{samba, slapd};

/// The message for every wrong name or password.
const NO_MATCH: &str = "That name and password did not match.";

/// The contact that the form names.
const CONTACT: &str = "the help desk";

/// A password that stands nowhere on a page, and is nobody's.
pub(crate) const WRONG: &str = "Not-The-Password-5";

/// Names that try to be filters, DNs, or somebody else's domain. Searched for as they are, several would find alice.
const ATTEMPTS: &[&str] = &[
    "*",
    "al*",
    "*)(uid=*",
    "alice)(|(uid=*",
    "\\61lice",
    "cn=Alice Archer,dc=example,dc=org",
    "CN=Alice Archer,OU=Staff,DC=corp,DC=example,DC=com",
    "alice@",
    "OTHER\\alice",
];

const SESSION: &str = "belvedere";

/// Nothing but the URL and the CA file says where the directory is and what it is.
fn on_samba(domain: &samba::SambaDomain) -> TestServerBuilder {
    let ca_file = domain.ca_file.to_str().unwrap();
    TestServerBuilder::with_directory(&domain.ldaps_url()).set("directory.ca_file", ca_file).set("site.contact", CONTACT)
}

fn on_slapd(server: &LdapServer) -> TestServerBuilder {
    let ca_file = server.ca_file.to_str().unwrap();
    TestServerBuilder::with_directory(&server.ldaps_url()).set("directory.ca_file", ca_file).set("site.contact", CONTACT)
}

fn for_group(group: &str) -> String {
    format!("access = {{ groups = [\"{group}\"] }}\n{}", page(group))
}

#[tokio::test]
async fn a_member_of_a_nested_group_opens_its_page_with_nothing_set_but_the_url_and_the_ca() {
    let Some(domain) = samba::domain() else { return };
    let builder = on_samba(domain).page("ops", &for_group("dash-ops")).page("la", &for_group("dash-ops-la"));
    let house = builder.page("finance", &for_group("dash-finance")).open().await;
    for (who, [ops, la, finance]) in [("alice", [200, 403, 403]), ("bob", [403, 403, 200])] {
        let mut visitor = house.visitor();
        visitor.signs_in(who, samba::PASSWORD).await;
        for (slug, expected) in [("ops", ops), ("la", la), ("finance", finance)] {
            assert_eq!(visitor.opens(&format!("/p/{slug}")).await.status, expected, "{slug} for {who}");
        }
    }
}

#[tokio::test]
async fn on_openldap_nested_groups_open_pages_and_siblings_do_not() {
    let Some(server) = slapd::server() else { return };
    let builder = on_slapd(server).page("ops", &for_group("dash-ops")).page("la", &for_group("dash-ops-la"));
    let house = builder.page("posix", &for_group("dash-posix")).open().await;
    for (who, [ops, la, posix]) in [("alice", [200, 403, 403]), ("bob", [403, 403, 200])] {
        let mut visitor = house.visitor();
        visitor.signs_in(who, slapd::PASSWORD).await;
        for (slug, expected) in [("ops", ops), ("la", la), ("posix", posix)] {
            assert_eq!(visitor.opens(&format!("/p/{slug}")).await.status, expected, "{slug} for {who}");
        }
    }
}

#[tokio::test]
async fn each_way_of_writing_a_name_is_the_same_person() {
    if let Some(domain) = samba::domain() {
        let house = on_samba(domain).open().await;
        let spellings = ["alice", "ALICE", " alice ", "CORP\\alice", "corp\\Alice", "alice@corp.example.com"];
        for name in spellings.iter().chain(&["alice@brand.example", "Alice@BRAND.example"]) {
            is_welcomed(&house, name, samba::PASSWORD, "Alice Archer").await;
        }
    }
    if let Some(server) = slapd::server() {
        let house = on_slapd(server).open().await;
        for name in ["alice", "ALICE", " alice "] {
            is_welcomed(&house, name, slapd::PASSWORD, "Alice Archer").await;
        }
    }
    let demo = DemoServer::builder().await.open().await;
    for name in ["alice", "Alice", "DEMO\\alice", "demo\\ALICE", "alice@belvedere.example"] {
        is_welcomed(&demo.house, name, demo.password("alice"), "Alice Johnson").await;
    }
    is_welcomed(&demo.house, "zoe.luczak@southside.example", demo.password("zoe"), "Zoë Łuczak").await;
}

#[tokio::test]
async fn awkward_names_sign_in_and_stand_in_the_bar_as_they_are() {
    if let Some(domain) = samba::domain() {
        let house = on_samba(domain).open().await;
        for (display_name, name) in samba::AWKWARD {
            is_welcomed(&house, name, samba::PASSWORD, display_name).await;
        }
    }
    if let Some(server) = slapd::server() {
        let house = on_slapd(server).open().await;
        for (display_name, name) in ldap_server::AWKWARD {
            is_welcomed(&house, name, slapd::PASSWORD, display_name).await;
        }
    }
    let demo = DemoServer::builder().await.open().await;
    for account in demo.directory.accounts().iter().filter(|account| account.outcome.starts_with("may open")) {
        is_welcomed(&demo.house, &account.username, &account.password, &account.display_name).await;
    }
}

#[tokio::test]
async fn active_directory_s_refusals_have_words_that_help() {
    let Some(domain) = samba::domain() else { return };
    let house = on_samba(domain).open().await;
    for (name, words) in [
        ("disabled", "Your account is disabled. Ask the help desk."),
        ("expired", "Your account has expired. Ask the help desk."),
        ("must-change", "Your password must be changed before you can sign in."),
    ] {
        is_told(&house, name, samba::PASSWORD, words).await;
    }
}

#[tokio::test]
async fn the_embedded_directory_s_refusals_have_words_that_help() {
    let demo = DemoServer::builder().await.set("site.contact", CONTACT).open().await;
    for (name, words) in [
        ("dave", "Your account is disabled. Ask the help desk."),
        ("erin", "Your account has expired. Ask the help desk."),
        ("heidi", "Your password must be changed before you can sign in."),
        ("ivan", "Your password has expired. Change it on your computer"),
    ] {
        is_told(&demo.house, name, demo.password(name), words).await;
    }
}

#[tokio::test]
async fn on_active_directory_nobody_learns_which_names_exist_or_are_locked() {
    let Some(domain) = samba::domain() else { return };
    let house = on_samba(domain).clock(still_clock()).open().await;
    for name in ["mistyped", "guessed-at"] {
        domain.hire(name);
    }
    assert_eq!(is_throttled(&house, "guessed-at").await, is_throttled(&house, "nobody-at-all").await);
    let look_alike = [("mistyped", WRONG), ("nobody", WRONG), ("locked", samba::PASSWORD)];
    look_alike_and_like_impossible_ones(&house, &look_alike).await;
    for name in ATTEMPTS {
        assert_eq!(refused(&house, name, samba::PASSWORD).await, refused(&house, "nobody", "").await, "{name}");
    }
}

#[tokio::test]
async fn on_openldap_nobody_learns_which_names_exist() {
    let Some(server) = slapd::server() else { return };
    let house = on_slapd(server).clock(still_clock()).open().await;
    assert_eq!(is_throttled(&house, "bob").await, is_throttled(&house, "nobody-at-all").await);
    let look_alike = [("alice", WRONG), ("nobody", WRONG), ("twin", slapd::PASSWORD), ("jörg.müller", WRONG)];
    look_alike_and_like_impossible_ones(&house, &look_alike).await;
    for name in ATTEMPTS {
        // Some are spelled as alice is, and count as tries for her.
        let house = on_slapd(server).clock(still_clock()).open().await;
        assert_eq!(refused(&house, name, slapd::PASSWORD).await, refused(&house, "nobody", "").await, "{name}");
    }
}

#[tokio::test]
async fn on_the_embedded_directory_nobody_learns_which_names_exist_or_how_they_stand() {
    let demo = DemoServer::builder_with_clock(still_clock()).await.open().await;
    assert_eq!(is_throttled(&demo.house, "carol").await, is_throttled(&demo.house, "nobody-at-all").await);
    let mut look_alike = vec![("alice", WRONG), ("nobody", WRONG)];
    // Who has not proved the password hears nothing of how the account stands.
    look_alike.extend(["dave", "erin", "heidi", "ivan"].map(|name| (name, WRONG)));
    look_alike.extend([("frank", WRONG), ("frank", demo.password("frank"))]);
    look_alike_and_like_impossible_ones(&demo.house, &look_alike).await;
}

#[tokio::test]
async fn a_name_or_password_that_cannot_be_one_never_reaches_the_directory() {
    let demo = DemoServer::builder().await.open().await;
    let long = "x".repeat(1025);
    let before = demo.ldap_proxy.bytes_sent();
    for (name, password) in [
        ("alice", ""),
        ("alice", &*long),
        ("alice", "alice-demo\0"),
        ("", "alice-demo"),
        ("  ", "alice-demo"),
        ("al\0ice", "alice-demo"),
        ("al\nice", "alice-demo"),
        (&long[..257], "alice-demo"),
    ] {
        assert_eq!(refused(&demo.house, name, password).await.0, StatusCode::UNAUTHORIZED, "{name:?} {password:?}");
    }
    assert_eq!(demo.ldap_proxy.bytes_sent(), before, "the directory heard of them");
    is_welcomed(&demo.house, "alice", demo.password("alice"), "Alice Johnson").await;
    assert_ne!(demo.ldap_proxy.bytes_sent(), before, "the wire hears what is said");
}

#[tokio::test]
async fn what_was_typed_stays_in_the_form_as_text() {
    let demo = DemoServer::builder().await.open().await;
    let name = "\"><script>alert('x')</script>&amp;/";
    let answer = demo.house.visitor().tries_to_sign_in(name, WRONG, "/").await;
    assert_eq!(answer.field("/login", "username").as_deref(), Some(name));
    assert!(!answer.body.contains("<script>alert"), "{}", answer.body);
    assert_eq!(answer.field("/login", "password"), None, "the password is never sent back");
    assert!(!answer.body.contains(WRONG), "{}", answer.body);
}

#[tokio::test]
async fn after_some_wrong_passwords_no_further_try_is_heard_and_others_are() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_309_126_976)));
    let demo = DemoServer::builder_with_clock(clock.clone()).await.open().await;
    is_throttled(&demo.house, "carol").await;
    let before = demo.ldap_proxy.bytes_sent();
    let spellings = ["carol", "CAROL", "DEMO\\carol", "carol@belvedere.example"];
    for name in spellings {
        let (status, body) = refused(&demo.house, name, demo.password("carol")).await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{name}");
        assert!(body.contains("in 31 min, at 01:29 UTC") && body.contains("it has not locked the account"), "{body}");
    }
    assert_eq!(demo.ldap_proxy.bytes_sent(), before, "the directory heard of a further try");
    is_welcomed(&demo.house, "alice", demo.password("alice"), "Alice Johnson").await;
    clock.advance(Duration::from_mins(32));
    is_welcomed(&demo.house, "carol", demo.password("carol"), "Carol Ng").await;
}

#[tokio::test]
async fn all_spellings_of_a_name_add_up_to_fewer_wrong_passwords_than_lock() {
    let Some(domain) = samba::domain() else { return };
    domain.hire("spelled");
    let house = on_samba(domain).open().await;
    assert_eq!(refused(&house, "spelled", WRONG).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(domain.bad_password_count("spelled"), 1, "one bind");
    for name in ["CORP\\spelled", "Spelled@corp.example.com", "spelled", "SPELLED", "corp.example.com\\spelled"] {
        assert_eq!(refused(&house, name, WRONG).await.0, StatusCode::UNAUTHORIZED);
        let count = domain.bad_password_count("spelled");
        assert!(count < samba::LOCKOUT_THRESHOLD, "{name}: {count} wrong passwords reached the domain controller");
    }
}

/// Now, for as long as a test lasts: of two answers that say until when one waits, neither says a minute more.
fn still_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(SystemClock.now()))
}

/// Uses up a stranger's tries for this name; the answer to a further one.
async fn is_throttled(house: &TestServer, name: &str) -> String {
    for number in 0..10 {
        let (status, body) = refused(house, name, &format!("{WRONG}-{number}")).await;
        match status {
            StatusCode::TOO_MANY_REQUESTS => return body,
            status => assert_eq!(status, StatusCode::UNAUTHORIZED),
        }
    }
    panic!("{name} may be tried for ever");
}

/// All of these get the same answer, and so does what no directory could know.
async fn look_alike_and_like_impossible_ones(house: &TestServer, tries: &[(&str, &str)]) {
    let (status, body) = refused(house, tries[0].0, tries[0].1).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(body.contains(NO_MATCH), "{body}");
    let long = "x".repeat(2000);
    let impossible = [("alice", ""), ("alice", "\0"), ("alice", &*long), (&long, "x y"), ("a\0b", "x y"), (" ", "x y")];
    for (name, password) in tries.iter().chain(&impossible) {
        assert_eq!(refused(house, name, password).await, (status, body.clone()), "{name:?} with {password:?}");
    }
}

/// A refusal for somebody who has proved the password, and only for them.
async fn is_told(house: &TestServer, name: &str, password: &str, words: &str) {
    let (status, body) = refused(house, name, password).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{name}");
    assert!(body.contains(words), "{name}: {body}");
}

/// A refused sign-in: the status, and the page without what differs by itself, which is the form's token and the name
/// as typed.
pub(crate) async fn refused(house: &TestServer, name: &str, password: &str) -> (StatusCode, String) {
    let mut visitor = house.visitor();
    let answer = visitor.tries_to_sign_in(name, password, "/").await;
    assert!(answer.location.is_none(), "{name:?} is let in");
    let challenged = answer.header("WWW-Authenticate").is_some();
    assert_eq!(challenged, answer.status == StatusCode::UNAUTHORIZED, "RFC 9110, 15.5.2");
    assert!(answer.set_cookie(SESSION).is_none() && !visitor.cookies.contains_key(SESSION), "a session for {name:?}");
    assert_eq!(answer.field("/login", "username").as_deref(), Some(name), "the name stays in the form");
    assert!(password.is_empty() || !answer.body.contains(password), "the password of {name:?} comes back");
    let form = answer.body.split("id=\"username\"").nth(1).unwrap();
    let typed = form.split("value=\"").nth(1).unwrap().split('"').next().unwrap();
    let csrf = answer.field("/login", "csrf").unwrap();
    let typed = format!("value=\"{typed}\" autocomplete");
    (answer.status, answer.body.replace(&csrf, "CSRF").replace(&typed, "value=\"NAME\" autocomplete"))
}

/// Somebody is let in, and the bar has their name as it is.
pub(crate) async fn is_welcomed(house: &TestServer, name: &str, password: &str, display_name: &str) {
    let mut visitor = house.visitor();
    visitor.signs_in(name, password).await;
    let home = visitor.opens("/").await;
    assert_eq!(home.signed_in_name().as_deref(), Some(display_name), "{name}");
    assert!(!home.body.contains("<angles>"), "a name is text");
}

#[tokio::test]
async fn every_name_that_the_form_shows_signs_in() {
    let svc = || async {
        let builder = DemoServer::builder().await.set("directory.bind_name", "svc-reader@belvedere.example");
        builder.set("directory.bind_password", "svc-reader-demo")
    };
    let by_account = "(&(objectClass=user)(sAMAccountName={username}))";
    let by_either = "(&(objectClass=user)(|(sAMAccountName={username})(mail={username})))";
    for (name, builder, takes_mail) in [
        ("alone", DemoServer::builder().await, false),
        ("with an account", svc().await, false),
        ("by mail", svc().await.set("directory.sign_in_by_mail", true), true),
        ("by account", svc().await.set("directory.person_filter", by_account), false),
        ("by either", svc().await.set("directory.person_filter", by_either), true),
    ] {
        let demo = builder.open().await;
        // The domain is known when somebody has signed in.
        demo.house.visitor().signs_in("alice", demo.password("alice")).await;
        let form = demo.house.visitor().opens("/login").await;
        let hint = form.body.split("As on your computer: ").nth(1).unwrap().split("</p>").next().unwrap();
        assert_eq!(hint.contains("or your mail address"), takes_mail, "{name}: {hint}");
        assert!(!hint.contains("CORP"), "{name}: {hint}");
        let examples: Vec<_> = hint.split("<code>").skip(1).map(|rest| rest.split("</code>").next().unwrap()).collect();
        assert!(!examples.is_empty(), "{name}: {hint}");
        for example in examples {
            let typed = example.replace("jmueller", "alice").replace("&#x5C;", "\\");
            let mut visitor = demo.house.visitor();
            let answer = visitor.tries_to_sign_in(&typed, demo.password("alice"), "/").await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{name}: {typed} of {hint}");
        }
    }
}
