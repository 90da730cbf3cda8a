//! Passwords that need changing: who is led to the form, what is said above it, and what a change ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use belvedere::domain::{Clock as _, ManualClock, SystemClock};
use reqwest::StatusCode;

use crate::directory_passwords::{hire_for, hire_who_must_change, hire_whose_password_ran_out};
use crate::harness::browser::{Browser, Screen};
use crate::harness::demo_server::page;
use crate::harness::ldap_server::LdapServer;
use crate::harness::test_server::{TestServer, TestServerBuilder};
use crate::harness::visitor::{Response, Visitor};
use crate::harness::{samba, slapd};

/// A password that every directory here takes.
pub(crate) const NEW: &str = "A-Battery-Of-Horses-9";

const WRONG: &str = "Not-The-Password-5";

const STRANGERS_FORM: &str = "/login/password";
const MEMBERS_FORM: &str = "/account/password";

fn on_samba(domain: &samba::SambaDomain) -> TestServerBuilder {
    TestServerBuilder::with_directory(&domain.ldaps_url()).set("directory.ca_file", domain.ca_file.to_str().unwrap())
}

fn with_account(domain: &samba::SambaDomain) -> TestServerBuilder {
    on_samba(domain).set("directory.bind_name", samba::SERVICE_ACCOUNT).set("directory.bind_password", samba::PASSWORD)
}

fn on_slapd(server: &LdapServer, base: &str) -> TestServerBuilder {
    TestServerBuilder::with_directory(&server.ldaps_url())
        .set("directory.ca_file", server.ca_file.to_str().unwrap())
        .set("directory.base_dn", base)
}

/// Fills in the form that `shown` has, and sends it.
async fn fills_in(visitor: &mut Visitor, shown: &Response, action: &str, [old, new, again]: [&str; 3]) -> Response {
    let field = |name| shown.field(action, name).unwrap_or_else(|| panic!("no {name} in {}", shown.body));
    let (csrf, next, username) = (field("csrf"), field("next"), field("username"));
    let typed = [("old", old), ("new", new), ("again", again)];
    let fields = [("csrf", &*csrf), ("next", &*next), ("username", &*username)];
    visitor.posts(action, &[&fields[..], &typed[..]].concat()).await
}

/// Opens a member's form, fills it in, and sends it.
pub(crate) async fn changes(visitor: &mut Visitor, old: &str, new: &str) -> Response {
    let form = visitor.opens(MEMBERS_FORM).await;
    fills_in(visitor, &form, MEMBERS_FORM, [old, new, new]).await
}

#[tokio::test]
async fn who_must_change_their_password_does_so_here_and_comes_to_the_page_they_wanted() {
    let Some(domain) = samba::domain() else { return };
    hire_who_must_change(domain, "led");
    hire_whose_password_ran_out(domain, "led-late");
    let house = with_account(domain).page("board", &page("Board")).open().await;
    for (name, words) in
        [("led", "Your password must be changed before you can sign in."), ("led-late", "Your password has expired.")]
    {
        let mut visitor = house.visitor();
        let form = visitor.tries_to_sign_in(name, samba::PASSWORD, "/p/board").await;
        assert_eq!(form.status, StatusCode::FORBIDDEN, "{name}");
        assert!(form.form_message().unwrap().starts_with(words), "{name}: {:?}", form.form_message());
        assert_eq!(form.field(STRANGERS_FORM, "username").as_deref(), Some(name));
        assert_eq!(form.header("Cache-Control"), Some("no-store"));
        assert!(!form.body.contains(samba::PASSWORD), "no password is sent back");

        let again = fills_in(&mut visitor, &form, STRANGERS_FORM, [samba::PASSWORD, NEW, WRONG]).await;
        assert_eq!((again.status, again.field(STRANGERS_FORM, "next").as_deref()), (StatusCode::BAD_REQUEST, Some("/p/board")));
        assert_eq!(again.form_message().as_deref(), Some("The new password was not typed the same both times."), "{name}");

        let short = fills_in(&mut visitor, &again, STRANGERS_FORM, [samba::PASSWORD, "Ab-1", "Ab-1"]).await;
        assert_eq!(short.status, StatusCode::BAD_REQUEST, "{name}");
        assert!(short.form_message().unwrap().contains("too short"), "{name}: {:?}", short.form_message());

        let welcome = fills_in(&mut visitor, &short, STRANGERS_FORM, [samba::PASSWORD, NEW, NEW]).await;
        assert_eq!((welcome.status, welcome.location.as_deref()), (StatusCode::SEE_OTHER, Some("/p/board")), "{name}");
        assert_eq!(visitor.opens("/p/board").await.signed_in_name().as_deref(), Some(name));
        assert_eq!(domain.bad_password_count(name), 0, "{name}");
    }
}

#[tokio::test]
async fn on_openldap_a_password_that_was_reset_is_changed_here() {
    let Some(server) = slapd::server() else { return };
    server.hire_below(slapd::POLICY_BASE_DN, "led");
    let led = slapd::dn_below(slapd::POLICY_BASE_DN, "led");
    let reset = crate::harness::ldif::LdifChange::at(&led).replace("pwdReset", "TRUE").ldif();
    server.administrator().apply(&reset).unwrap();
    let house = on_slapd(server, slapd::POLICY_BASE_DN).open().await;
    let mut visitor = house.visitor();
    let form = visitor.tries_to_sign_in("led", slapd::PASSWORD, "/").await;
    let had = fills_in(&mut visitor, &form, STRANGERS_FORM, [slapd::PASSWORD, "too short", "too short"]).await;
    assert_eq!(had.form_message().as_deref(), Some("The new password is too short."));
    let welcome = fills_in(&mut visitor, &had, STRANGERS_FORM, [slapd::PASSWORD, NEW, NEW]).await;
    assert_eq!(welcome.status, StatusCode::SEE_OTHER, "{}", welcome.body);
    assert_eq!(visitor.opens("/").await.signed_in_name().as_deref(), Some("led"));

    // One that has expired lets its owner in nowhere, and so cannot be changed by them.
    let refused = house.visitor().tries_to_sign_in("expired", slapd::PASSWORD, "/").await;
    assert!(refused.form_message().unwrap().starts_with("Your password has expired. Change it on your computer"));
    assert!(refused.field("/login", "username").is_some(), "the sign-in form stays");
}

#[tokio::test]
async fn a_changed_password_ends_every_other_session_and_gives_this_browser_a_new_one() {
    let Some(domain) = samba::domain() else { return };
    hire_for(domain, "changer-of-sessions", 100);
    let house = on_samba(domain).page("board", &page("Board")).open().await;
    let (mut here, mut elsewhere) = (house.visitor(), house.visitor());
    here.signs_in("changer-of-sessions", samba::PASSWORD).await;
    elsewhere.signs_in("changer-of-sessions", samba::PASSWORD).await;
    let mut bystander = house.visitor();
    bystander.signs_in("bob", samba::PASSWORD).await;
    let before = here.clone();

    let account = here.opens("/account").await;
    assert!(account.body.contains("href=\"/account/password\""), "{}", account.body);
    let form = here.opens(MEMBERS_FORM).await;
    assert_eq!(form.field(MEMBERS_FORM, "username").as_deref(), Some("changer-of-sessions"));
    for hint in ["username", "current-password", "new-password"] {
        assert!(form.body.contains(&format!("autocomplete=\"{hint}\"")), "{hint}");
    }
    let changed = fills_in(&mut here, &form, MEMBERS_FORM, [samba::PASSWORD, NEW, NEW]).await;
    assert_eq!((changed.status, changed.location.as_deref()), (StatusCode::SEE_OTHER, Some("/account?password=changed")));
    let account = here.opens("/account?password=changed").await;
    assert!(account.body.contains("Your password is changed."), "{}", account.body);
    assert_eq!(account.body.matches("<tr><td>").count(), 1, "one session: {}", account.body);

    for (whose, mut visitor) in [("elsewhere", elsewhere), ("the old token", before)] {
        assert_eq!(visitor.opens("/account").await.status, StatusCode::SEE_OTHER, "{whose} is asked to sign in");
    }
    assert_eq!(bystander.opens("/account").await.status, StatusCode::OK, "somebody else stays");
    house.visitor().signs_in("changer-of-sessions", NEW).await;
}

#[tokio::test]
async fn wrong_old_passwords_and_wrong_sign_ins_use_up_the_same_few_tries() {
    let Some(server) = slapd::server() else { return };
    server.hire("guessed-twice");
    let house = on_slapd(server, slapd::BASE_DN).open().await;
    let mut owner = house.visitor();
    owner.signs_in("guessed-twice", slapd::PASSWORD).await;
    let dn = slapd::dn("guessed-twice");
    let before = server.binds(&dn);
    for number in 0..2 {
        let refused = changes(&mut owner, &format!("{WRONG}-{number}"), NEW).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert!(refused.form_message().unwrap().starts_with("The current password did not match."));
        let wrong = format!("{WRONG}-at-the-form-{number}");
        let refused = house.visitor().tries_to_sign_in("guessed-twice", &wrong, "/").await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    }
    let tried = server.binds(&dn) - before;
    assert!((3..=4).contains(&tried), "{tried} of 4 wrong passwords reached the directory");
    // The right one does not.
    let refused = changes(&mut owner, slapd::PASSWORD, NEW).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.form_message().unwrap().contains("You can try again in"), "{:?}", refused.form_message());
    assert_eq!(server.binds(&dn) - before, tried);
}

#[tokio::test]
async fn a_wrong_old_password_counts_once_in_active_directory() {
    let Some(domain) = samba::domain() else { return };
    for (name, builder) in [("slip-alone", on_samba(domain)), ("slip", with_account(domain))] {
        hire_for(domain, name, 100);
        let house = builder.open().await;
        let mut visitor = house.visitor();
        visitor.signs_in(name, samba::PASSWORD).await;
        assert_eq!(changes(&mut visitor, WRONG, NEW).await.status, StatusCode::UNAUTHORIZED, "{name}");
        assert_eq!(domain.bad_password_count(name), 1, "{name}");
    }
}

#[tokio::test]
async fn before_the_old_password_is_proved_every_account_is_refused_alike() {
    let Some(domain) = samba::domain() else { return };
    for (number, builder) in [on_samba(domain), with_account(domain)].into_iter().enumerate() {
        let [plain, fixed, owner, young, due, late] =
            ["plain", "fixed", "owner", "young", "due", "late"].map(|kind| format!("alike-{kind}-{number}"));
        hire_for(domain, &plain, 100);
        for name in [&fixed, &owner] {
            hire_for(domain, name, 100);
            domain.forbid_password_change(&domain.dn(name));
        }
        // Under the domain's own policy a new password stays for a day.
        domain.hire(&young);
        hire_who_must_change(domain, &due);
        hire_whose_password_ran_out(domain, &late);
        let house = builder.open().await;
        let mut stranger = house.visitor();
        let csrf = stranger.opens("/login").await.field("/login", "csrf").unwrap();
        let names = ["nobody-at-all", &plain, &fixed, &young, &due, &late, "disabled", "expired", "krbtgt", "Guest"];
        for name in names {
            // One that the policy refuses: were it judged first, that would be told.
            let typed = [("username", name), ("old", WRONG), ("new", "Ab-1"), ("again", "Ab-1"), ("csrf", &csrf)];
            let began = Instant::now();
            let refused = stranger.posts(STRANGERS_FORM, &typed).await;
            let told = refused.form_message();
            let words = "The current password did not match. After several wrong tries you have to wait.";
            assert_eq!((refused.status, told.as_deref()), (StatusCode::UNAUTHORIZED, Some(words)), "{number}: {name}");
            assert!(began.elapsed() >= Duration::from_millis(300), "{number}: {name}");
        }
        assert_eq!(domain.bad_password_count(&fixed), 1, "{number}: one bind");

        // Whoever proves it hears why.
        let fields = [("username", &*owner), ("old", samba::PASSWORD), ("new", NEW), ("again", NEW), ("csrf", &csrf)];
        let told = stranger.posts(STRANGERS_FORM, &fields).await;
        assert_eq!(told.status, StatusCode::FORBIDDEN, "{number}: {:?}", told.form_message());
        assert!(told.form_message().unwrap().starts_with("Your password cannot be changed here."), "{number}");
        assert_eq!(domain.bad_password_count(&owner), 0, "{number}");
    }
}

#[tokio::test]
async fn what_cannot_be_meant_never_reaches_the_directory() {
    let Some(server) = slapd::server() else { return };
    server.hire("clumsy");
    let house = on_slapd(server, slapd::BASE_DN).open().await;
    let mut visitor = house.visitor();
    visitor.signs_in("clumsy", slapd::PASSWORD).await;
    let before = server.binds(&slapd::dn("clumsy"));
    let long = "x".repeat(1025);
    let old = slapd::PASSWORD;
    for (typed, words) in [
        ([old, "", ""], "Choose a new password."),
        ([old, NEW, WRONG], "The new password was not typed the same both times."),
        ([old, old, old], "The new password is the one you have. Choose another."),
        ([old, &long, &long], "The new password is too long, or has a character that no password can have."),
        ([old, "a\0b", "a\0b"], "The new password is too long, or has a character that no password can have."),
        (["", NEW, NEW], "The current password did not match."),
    ] {
        let form = visitor.opens(MEMBERS_FORM).await;
        let refused = fills_in(&mut visitor, &form, MEMBERS_FORM, typed).await;
        assert!(refused.status.is_client_error(), "{typed:?}");
        assert!(refused.form_message().unwrap().starts_with(words), "{typed:?}: {:?}", refused.form_message());
        assert!(!refused.body.contains(NEW) && !refused.body.contains(old), "{typed:?}");
    }
    assert_eq!(server.binds(&slapd::dn("clumsy")), before);
    house.visitor().signs_in("clumsy", slapd::PASSWORD).await;
}

#[tokio::test]
async fn nobody_changes_a_password_for_another_site() {
    let Some(server) = slapd::server() else { return };
    server.hire("lured");
    let house = on_slapd(server, slapd::BASE_DN).open().await;
    let mut visitor = house.visitor();
    visitor.signs_in("lured", slapd::PASSWORD).await;
    let csrf = visitor.opens(MEMBERS_FORM).await.field(MEMBERS_FORM, "csrf").unwrap();
    let typed = [("old", slapd::PASSWORD), ("new", NEW), ("again", NEW), ("username", "lured")];
    let with = |csrf| [&typed[..], &[("csrf", csrf)][..]].concat();
    for path in [MEMBERS_FORM, STRANGERS_FORM] {
        let foreign = visitor.posts_from("https://evil.example", path, &with(&csrf)).await;
        assert_eq!(foreign.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(visitor.posts(path, &with("x")).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
    house.visitor().signs_in("lured", slapd::PASSWORD).await;
}

#[tokio::test]
async fn where_passwords_are_not_changed_here_nothing_leads_to_a_form() {
    let Some(domain) = samba::domain() else { return };
    let house = with_account(domain).set("directory.password_change", false).open().await;
    let told = house.visitor().tries_to_sign_in("must-change", samba::PASSWORD, "/").await;
    assert!(told.form_message().unwrap().contains("Change it on your computer first"), "{:?}", told.form_message());
    let csrf = told.field("/login", "csrf").unwrap();
    let mut visitor = house.visitor();
    visitor.signs_in("alice", samba::PASSWORD).await;
    assert!(!visitor.opens("/account").await.body.contains("/account/password"));
    assert_eq!(visitor.opens(MEMBERS_FORM).await.status, StatusCode::NOT_FOUND);
    let typed = [("username", "alice"), ("old", samba::PASSWORD), ("new", NEW), ("again", NEW), ("csrf", &*csrf)];
    let refused = visitor.posts(STRANGERS_FORM, &typed).await;
    assert!(refused.status.is_client_error(), "{}", refused.status);

    // Without an account, the one that lets nobody in is changed elsewhere, and the one that does is changed here.
    let house = on_samba(domain).open().await;
    let told = house.visitor().tries_to_sign_in("must-change", samba::PASSWORD, "/").await;
    assert!(told.form_message().unwrap().contains("Change it on your computer first"), "{:?}", told.form_message());
    let mut visitor = house.visitor();
    visitor.signs_in("alice", samba::PASSWORD).await;
    assert_eq!(visitor.opens(MEMBERS_FORM).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_address_of_the_strangers_form_leads_to_where_each_begins() {
    let Some(server) = slapd::server() else { return };
    let house = on_slapd(server, slapd::BASE_DN).open().await;
    let mut visitor = house.visitor();
    let begin = visitor.opens("/login/password?next=%2Faccount").await;
    assert_eq!(begin.location.as_deref(), Some("/login?next=%2Faccount"));
    visitor.signs_in("alice", slapd::PASSWORD).await;
    assert_eq!(visitor.opens("/login/password").await.location.as_deref(), Some(MEMBERS_FORM));
    assert_eq!(visitor.opens("/account/password").await.status, StatusCode::OK);
}

/// The sentences under the bar.
fn notes(answer: &Response) -> Option<&str> {
    let notes = answer.body.split("class=\"notes\"").nth(1)?;
    notes.split("</section>").next()
}

#[tokio::test]
async fn members_are_told_in_time_that_their_password_expires() {
    let Some(domain) = samba::domain() else { return };
    hire_for(domain, "runs-out", 100);
    let day = Duration::from_hours(24);
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let house = on_samba(domain).clock(clock.clone()).open().await;
    // The directory's clock goes on by itself meanwhile, which is well below an hour.
    clock.advance(Duration::from_hours(1));
    let mut passed = 0;
    for (days, expected) in [
        (90, None),
        (94, Some("Your password expires in 5 days.")),
        (98, Some("Your password expires tomorrow.")),
        (99, Some("Your password expires today.")),
        (101, Some("Your password has expired")),
    ] {
        clock.advance(day * (days - passed));
        passed = days;
        let home = signed_in(&house, "runs-out").await.opens("/").await;
        let said = notes(&home);
        match expected {
            None => assert_eq!(said, None, "{days} days"),
            Some(words) => assert!(
                said.is_some_and(|said| said.contains(words) && said.contains("Change it now")),
                "{days} days: {said:?}"
            ),
        }
        assert_eq!(notes(&house.visitor().opens("/").await), None, "strangers are told nothing");
    }
    // Who has changed it is not told any more; the new one is a hundred days away for the directory, and not for the
    // server, whose clock the test moved.
    let mut visitor = signed_in(&house, "runs-out").await;
    assert!(!notes(&visitor.opens(MEMBERS_FORM).await).unwrap_or_default().contains("Change it now"));
    visitor.signs_out().await;
}

async fn signed_in(house: &TestServer, name: &str) -> Visitor {
    let mut visitor = house.visitor();
    visitor.signs_in(name, samba::PASSWORD).await;
    visitor
}

#[tokio::test]
async fn a_new_password_puts_an_end_to_the_warning() {
    let Some(domain) = samba::domain() else { return };
    hire_for(domain, "warned", 100);
    let clock = Arc::new(ManualClock::at(SystemClock.now() + Duration::from_hours(95 * 24)));
    let house = on_samba(domain).set("directory.password_warning", "10d").clock(clock).open().await;
    let mut visitor = signed_in(&house, "warned").await;
    assert!(notes(&visitor.opens("/").await).is_some());
    // The new one is good for ever, as it should look from where the server's clock stands.
    domain.modify(&crate::directory_passwords::never_expires("warned"));
    changes(&mut visitor, samba::PASSWORD, NEW).await;
    assert_eq!(notes(&visitor.opens("/").await), None);
}

#[tokio::test]
async fn in_a_browser_the_whole_way_from_a_password_to_be_changed_to_the_page() {
    let (Some(domain), Some(desktop)) = (samba::domain(), Browser::open(Screen::Desktop).await) else { return };
    hire_who_must_change(domain, "in-person");
    let house = with_account(domain).page("board", &page("Board")).open().await;
    desktop.goes_to(&house.url("/p/board")).await;
    desktop.signs_in("in-person", samba::PASSWORD).await;
    desktop.sees("h1", |title| title == "Change your password").await;
    looks_well(&desktop, "password-stranger-light-desktop").await;

    // What is typed can be seen, both fields at once, and is sent as a password all the same.
    types(&desktop, &[("old", samba::PASSWORD), ("new", "Ab-1"), ("again", "Ab-1")]).await;
    desktop.presses("button[aria-controls='new again']").await;
    let kinds = "return ['old', 'new', 'again'].map((id) => document.getElementById(id).type).join()";
    assert_eq!(desktop.asks(kinds).await, "password,text,text");
    desktop.presses("form[action='/login/password'] .button").await;
    desktop.sees("#said", |said| said.contains("too short")).await;
    looks_well(&desktop, "password-refused-light-desktop").await;

    types(&desktop, &[("old", samba::PASSWORD), ("new", NEW), ("again", NEW)]).await;
    desktop.presses("form[action='/login/password'] .button").await;
    desktop.finds("#panel-uptime").await;
    assert_eq!(desktop.is_at().await, house.url("/p/board"), "back to what they came for");
    desktop.closes().await;

    let Some(phone) = Browser::open(Screen::Phone).await else { return };
    phone.goes_to(&house.url("/login")).await;
    phone.signs_in("in-person", NEW).await;
    phone.sees("header", |text| text.contains("Sign out")).await;
    for theme in ["light", "dark"] {
        phone.goes_to(&house.url(MEMBERS_FORM)).await;
        phone.presses(&format!("form[action='/theme'] button[value={theme}]")).await;
        phone.finds(&format!("html.theme-{theme}")).await;
        looks_well(&phone, &format!("password-member-{theme}-phone")).await;
        phone.goes_to(&house.url("/account?password=changed")).await;
        looks_well(&phone, &format!("account-changed-{theme}-phone")).await;
    }
    phone.closes().await;
}

#[tokio::test]
async fn in_a_browser_the_warning_leads_to_the_form() {
    let (Some(domain), Some(browser)) = (samba::domain(), Browser::open(Screen::Desktop).await) else { return };
    hire_for(domain, "forewarned", 100);
    let clock = Arc::new(ManualClock::at(SystemClock.now() + Duration::from_hours(94 * 24)));
    let house = on_samba(domain).sample_pages().clock(clock).open().await;
    browser.goes_to(&house.url("/login")).await;
    browser.signs_in("forewarned", samba::PASSWORD).await;
    browser.sees(".notes", |text| text.contains("Your password expires in 5 days.")).await;
    for theme in ["light", "dark"] {
        browser.goes_to(&house.url("/")).await;
        browser.presses(&format!("form[action='/theme'] button[value={theme}]")).await;
        browser.finds(&format!("html.theme-{theme}")).await;
        looks_well(&browser, &format!("home-warned-{theme}-desktop")).await;
        browser.goes_to(&house.url("/account")).await;
        looks_well(&browser, &format!("account-warned-{theme}-desktop")).await;
        browser.goes_to(&house.url("/")).await;
        browser.presses(".notes a").await;
        browser.sees("h1", |title| title == "Change your password").await;
        looks_well(&browser, &format!("password-member-{theme}-desktop")).await;
    }
    browser.closes().await;
}

async fn types(browser: &Browser, fields: &[(&str, &str)]) {
    for (id, text) in fields {
        let field = browser.finds(&format!("#{id}")).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }
}

/// Nothing serious by axe-core, and nothing wider than the screen.
async fn looks_well(browser: &Browser, name: &str) {
    let barriers = browser.barriers().await;
    assert!(barriers.is_empty(), "{name}: {barriers:#?}");
    let overflow = browser.asks("return document.documentElement.scrollWidth - window.innerWidth").await;
    assert!(overflow.as_f64().unwrap() <= 0.0, "{name} is {overflow} px wider than the screen");
    browser.pictures(name).await;
}
