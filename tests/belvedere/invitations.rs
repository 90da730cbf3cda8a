//! Invitations: a link that makes one account, once, for whoever has it in time.

use std::sync::Arc;
use std::time::Duration;

use belvedere::domain::ManualClock;
use reqwest::StatusCode;

use crate::harness::accounts::PASSWORD;
use crate::harness::browser::{Browser, Screen};
use crate::harness::demo_server::{DemoServer, DemoServerBuilder, page};
use crate::harness::visitor::{Response, Visitor};
use crate::sessions::START;

const OTHER: &str = "copper violin seven moss";

async fn builder(clock: Option<Arc<ManualClock>>) -> DemoServerBuilder {
    let builder = match clock {
        Some(clock) => DemoServer::builder_with_clock(clock).await,
        None => DemoServer::builder().await,
    };
    let board = format!("access = {{ groups = ['local\\guests'] }}\n{}", page("Board"));
    builder.set("admins.groups", vec!["dash-admins"]).page("board", &board).page("members", &page("Members"))
}

/// The admin of the sample people, signed in.
async fn admin(demo: &DemoServer) -> Visitor {
    let mut grace = demo.house.visitor();
    grace.signs_in("grace", demo.password("grace")).await;
    grace
}

/// Fills in the form on the page of accounts.
async fn tries_to_invite(admin: &mut Visitor, fields: &[(&str, &str)]) -> Response {
    let csrf = admin.opens("/admin/accounts").await.field("/admin/accounts/invite", "csrf").unwrap();
    admin.posts("/admin/accounts/invite", &[&[("csrf", &*csrf)], fields].concat()).await
}

/// Invites, and answers with the link's code.
async fn invites(admin: &mut Visitor, name: &str) -> String {
    let answer = tries_to_invite(admin, &[("name", name), ("display_name", "Ann Partner"), ("groups", "guests")]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    code_in(&answer)
}

fn code_in(answer: &Response) -> String {
    let link = answer.body.split("id=\"link\">").nth(1).expect("the link is shown").split('<').next().unwrap();
    let (address, code) = link.rsplit_once('#').unwrap();
    assert!(address.ends_with("&#x2F;invitation"), "{address}");
    code.to_owned()
}

/// Opens the link and gives in its code, as the page's script does.
async fn opens_the_link(guest: &mut Visitor, code: &str) -> Response {
    let csrf = guest.opens("/invitation").await.field("/invitation", "csrf").unwrap();
    guest.posts("/invitation", &[("csrf", &csrf), ("code", code)]).await
}

/// Opens the link and fills in the form behind it.
async fn accepts(guest: &mut Visitor, code: &str, [name, new, again]: [&str; 3]) -> Response {
    let form = opens_the_link(guest, code).await;
    let Some(csrf) = form.field("/invitation/accept", "csrf") else { return form };
    let fields = [("csrf", &*csrf), ("code", code), ("display_name", name), ("new", new), ("again", again)];
    guest.posts("/invitation/accept", &fields).await
}

#[tokio::test]
async fn a_guest_accepts_once_and_is_signed_in() {
    let demo = builder(None).await.open().await;
    let code = invites(&mut admin(&demo).await, "ann").await;
    let mut guest = demo.house.visitor();
    let form = opens_the_link(&mut guest, &format!("http://localhost/invitation#{code}")).await;
    assert!(form.body.contains("<b>Grace Okafor</b> invited you") && form.body.contains("local\\ann"), "{}", form.body);
    let accepted = accepts(&mut guest, &code, ["Ann P.", PASSWORD, PASSWORD]).await;
    assert_eq!((accepted.status, accepted.location.as_deref()), (StatusCode::SEE_OTHER, Some("/")), "{}", accepted.body);
    assert_eq!(guest.opens("/").await.signed_in_name().as_deref(), Some("Ann P."));
    assert_eq!(guest.opens("/p/board").await.status, StatusCode::OK, "the groups are those of the invitation");
    assert_eq!(guest.opens("/admin").await.status, StatusCode::FORBIDDEN);
    demo.house.visitor().signs_in(r"local\ann", PASSWORD).await;

    let mut second = demo.house.visitor();
    let again = accepts(&mut second, &code, ["Eve", OTHER, OTHER]).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    assert!(again.form_message().unwrap().contains("opens nothing"), "{:?}", again.form_message());
    assert!(second.opens("/").await.signed_in_name().is_none());
}

#[tokio::test]
async fn an_invitation_expires_can_be_withdrawn_and_a_guess_looks_the_same() {
    let clock = Arc::new(ManualClock::at(START));
    let demo = builder(Some(clock.clone())).await.set("accounts.invitation_lasts", "1h").open().await;
    let mut grace = admin(&demo).await;
    let (late, withdrawn) = (invites(&mut grace, "late").await, invites(&mut grace, "withdrawn").await);
    let csrf = grace.opens("/admin/accounts").await.field("/admin/accounts/withdraw", "csrf").unwrap();
    let list = grace.opens("/admin/accounts").await;
    // The newest comes first.
    let id = list.body.split("/admin/accounts/withdraw").nth(1).unwrap_or_default();
    let id = id.split("name=\"id\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let answer = grace.posts("/admin/accounts/withdraw", &[("csrf", &csrf), ("id", &id)]).await;
    assert_eq!(answer.location.as_deref(), Some("/admin/accounts?done=withdrawn"), "{}", answer.body);

    let mut guest = demo.house.visitor();
    let guess = opens_the_link(&mut guest, &"A".repeat(43)).await;
    let looks = |answer: &Response| (answer.status, answer.form_message());
    assert_eq!(looks(&guess).0, StatusCode::NOT_FOUND);
    assert_eq!(looks(&opens_the_link(&mut guest, &withdrawn).await), looks(&guess));
    assert_eq!(looks(&opens_the_link(&mut guest, "rubbish").await), looks(&guess));
    assert_eq!(opens_the_link(&mut guest, &late).await.status, StatusCode::OK);
    clock.advance(Duration::from_hours(1));
    assert_eq!(looks(&opens_the_link(&mut guest, &late).await), looks(&guess));
    assert!(grace.opens("/admin/accounts").await.body.contains("expired"), "an admin sees why nobody came");
}

#[tokio::test]
async fn a_guest_hears_what_is_wrong_and_the_invitation_stays_open() {
    let demo = builder(None).await.open().await;
    let code = invites(&mut admin(&demo).await, "ann").await;
    let mut guest = demo.house.visitor();
    for (typed, words) in [
        (["Ann", "kurz", "kurz"], "needs 12 or more"),
        (["Ann", "password1234", "password1234"], "tried first"),
        (["Ann", PASSWORD, OTHER], "not typed the same"),
        (["Ann", "", ""], "Choose a password"),
        (["  ", PASSWORD, PASSWORD], "what you want to be called"),
    ] {
        let answer = accepts(&mut guest, &code, typed).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{typed:?}");
        assert!(answer.form_message().unwrap().contains(words), "{typed:?}: {:?}", answer.form_message());
        assert!(typed[1].is_empty() || !answer.body.contains(typed[1]), "a page repeats a password");
    }
    assert_eq!(accepts(&mut guest, &code, ["Ann", PASSWORD, PASSWORD]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn whom_the_invitation_asks_for_a_second_factor_goes_on_to_enrol_one() {
    let demo = builder(None).await.open().await;
    let answer = tries_to_invite(&mut admin(&demo).await, &[("name", "ann"), ("second_factor", "true")]).await;
    let mut guest = demo.house.visitor();
    let accepted = accepts(&mut guest, &code_in(&answer), ["Ann", PASSWORD, PASSWORD]).await;
    assert_eq!(accepted.location.as_deref(), Some("/account/factors"));
    assert_eq!(guest.opens("/account/factors").await.status, StatusCode::OK);
    assert_ne!(guest.opens("/p/members").await.status, StatusCode::OK, "nothing opens before they have one");
}

#[tokio::test]
async fn accepting_ends_the_session_that_this_browser_had() {
    let demo = builder(None).await.open().await;
    let mut grace = admin(&demo).await;
    let code = invites(&mut grace, "ann").await;
    let mut before = grace.clone();
    accepts(&mut grace, &code, ["Ann", PASSWORD, PASSWORD]).await;
    assert_eq!(grace.opens("/").await.signed_in_name().as_deref(), Some("Ann"));
    assert!(before.opens("/").await.signed_in_name().is_none(), "the old token is good no more");
}

#[tokio::test]
async fn only_admins_keep_the_list_and_no_other_site_does_it_for_them() {
    let demo = builder(None).await.open().await;
    let (mut bob, mut stranger, mut grace) = (demo.house.visitor(), demo.house.visitor(), admin(&demo).await);
    bob.signs_in("bob", demo.password("bob")).await;
    let csrf = bob.opens("/").await.field("/logout", "csrf").unwrap();
    let fields = [("csrf", &*csrf), ("name", "eve"), ("id", "1")];
    for path in ["/admin/accounts/invite", "/admin/accounts/withdraw", "/admin/accounts/remove"] {
        assert_eq!(bob.posts(path, &fields).await.status, StatusCode::FORBIDDEN, "{path}");
        assert!(!stranger.posts(path, &fields).await.status.is_success(), "{path}");
        assert_eq!(grace.posts(path, &fields).await.status, StatusCode::BAD_REQUEST, "another session's token: {path}");
    }
    assert_eq!(bob.opens("/admin/accounts").await.status, StatusCode::FORBIDDEN);
    let csrf = grace.opens("/admin/accounts").await.field("/admin/accounts/invite", "csrf").unwrap();
    let fields = [("csrf", &*csrf), ("name", "eve")];
    let elsewhere = grace.posts_from("https://evil.example", "/admin/accounts/invite", &fields).await;
    assert_eq!(elsewhere.status, StatusCode::FORBIDDEN);
    assert!(!grace.opens("/admin/accounts").await.body.contains("local\\eve"));
    let forged = stranger.posts("/invitation", &[("csrf", "forged"), ("code", &"A".repeat(43))]).await;
    assert_eq!(forged.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_admin_disables_enables_and_removes_accounts_but_not_their_own() {
    let demo = builder(None).await.set("admins.groups", vec!["dash-admins", r"local\guests"]).open().await;
    let mut grace = admin(&demo).await;
    let code = invites(&mut grace, "ann").await;
    let mut ann = demo.house.visitor();
    accepts(&mut ann, &code, ["Ann", PASSWORD, PASSWORD]).await;
    let mut board = ann.watches("/live/board").await.unwrap();

    let own = ann.opens("/admin/accounts").await;
    assert!(own.field("/admin/accounts/disable", "id").is_none() && own.body.contains("your own"), "{}", own.body);
    let list = grace.opens("/admin/accounts").await;
    let id = list.field("/admin/accounts/disable", "id").unwrap();
    let csrf = list.field("/admin/accounts/disable", "csrf").unwrap();
    let anns = own.field("/admin/accounts/invite", "csrf").unwrap();
    let answer = ann.posts("/admin/accounts/remove", &[("csrf", &anns), ("id", &id)]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "nobody shuts themselves out");

    let fields = [("csrf", &*csrf), ("id", &*id)];
    let answer = grace.posts("/admin/accounts/disable", &fields).await;
    assert_eq!(answer.location.as_deref(), Some("/admin/accounts?done=disabled"));
    assert_eq!(board.is_closed().await.code, Some(4401));
    grace.posts("/admin/accounts/enable", &fields).await;
    ann.signs_in(r"local\ann", PASSWORD).await;
    grace.posts("/admin/accounts/remove", &fields).await;
    ann.opens_until("/p/board", |answer| answer.status == StatusCode::SEE_OTHER).await;
    let again = grace.posts("/admin/accounts/remove", &fields).await;
    assert_eq!(again.location.as_deref(), Some("/admin/accounts?done=gone"));
}

#[tokio::test]
async fn a_form_that_does_not_work_says_why_and_keeps_what_was_typed() {
    let demo = builder(None).await.open().await;
    let mut grace = admin(&demo).await;
    for (field, typed, words) in [
        ("name", "a b", "is no name"),
        ("mail", "nowhere", "is no mail address"),
        ("groups", "a, b/c", "is no name"),
        ("expires", "soon", "is no day"),
    ] {
        let mut fields = vec![("name", "ann")];
        fields.retain(|(name, _)| *name != field);
        fields.push((field, typed));
        let answer = tries_to_invite(&mut grace, &fields).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{field}");
        assert!(answer.form_message().unwrap().contains(words), "{field}: {:?}", answer.form_message());
        assert_eq!(answer.field("/admin/accounts/invite", field).as_deref(), Some(typed));
    }
    invites(&mut grace, "ann").await;
    let taken = tries_to_invite(&mut grace, &[("name", "Ann")]).await;
    assert_eq!(taken.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn the_whole_way_in_a_browser_with_the_code_in_nobodys_address() {
    for (screen, name) in [(Screen::Desktop, "desktop"), (Screen::Phone, "phone")] {
        let Some(browser) = Browser::open(screen).await else { return };
        let demo = builder(None).await.open().await;
        browser.goes_to(&demo.house.url("/admin/accounts")).await;
        browser.signs_in("grace", demo.password("grace")).await;
        for (field, text) in [("name", "ann"), ("display_name", "Ann Partner"), ("groups", "guests")] {
            browser.finds(&format!("#{field}")).await.send_keys(text).await.unwrap();
        }
        // By the script: on a phone the bar of pages lies over the edge that the driver scrolls it to.
        browser.finds("form[action='/admin/accounts/invite'] .button").await;
        browser.asks("document.querySelector(\"form[action='/admin/accounts/invite'] .button\").click()").await;
        let link = browser.reads("#link").await;
        looks_well(&browser, &format!("accounts-{name}")).await;

        browser.client.delete_all_cookies().await.unwrap();
        browser.requests().await;
        browser.goes_to(&link).await;
        browser.finds("form[action='/invitation/accept']").await;
        let code = link.split_once('#').unwrap().1;
        assert!(!browser.is_at().await.contains(code));
        // Chromium's own log has the fragment of what was typed into the bar, and of nothing that is sent.
        let sent = browser.requests().await;
        assert!(sent.iter().all(|request| !request.contains(code)), "{sent:?}");
        looks_well(&browser, &format!("acceptance-{name}")).await;
        for field in ["new", "again"] {
            browser.finds(&format!("#{field}")).await.send_keys(PASSWORD).await.unwrap();
        }
        browser.presses("form[action='/invitation/accept'] .button").await;
        browser.sees("header", |text| text.contains("Sign out")).await;
        browser.goes_to(&demo.house.url("/p/board")).await;
        browser.sees("#connection .words", |words| words == "Live").await;

        browser.client.delete_all_cookies().await.unwrap();
        browser.goes_to(&demo.house.url("/invitation")).await;
        looks_well(&browser, &format!("invitation-{name}")).await;
        // Without the script, or in a tab that is open already, the link is pasted.
        browser.finds("#code").await.send_keys(&link).await.unwrap();
        browser.presses("#invitation .button").await;
        browser.sees("#said", |text| text.contains("opens nothing")).await;
        browser.closes().await;
    }
}

/// Nothing serious by axe-core, and nothing wider than the screen, in light and in dark.
async fn looks_well(browser: &Browser, name: &str) {
    for theme in ["light", "dark"] {
        // The class alone: choosing a theme would load the page anew, and the link is shown once.
        browser.asks(&format!("document.documentElement.className = 'theme-{theme}'")).await;
        let barriers = browser.barriers().await;
        assert!(barriers.is_empty(), "{name}, {theme}: {barriers:#?}");
        let overflow = browser.asks("return document.documentElement.scrollWidth - window.innerWidth").await;
        assert!(overflow.as_f64().unwrap() <= 0.0, "{name} is {overflow} px wider than the screen");
        browser.pictures(&format!("{name}-{theme}")).await;
    }
}
