//! Second factors: setting them up, showing them, and what stays shut without them.

use std::sync::Arc;
use std::time::Duration;

use belvedere::domain::{Clock as _, ManualClock};
use reqwest::StatusCode;
use totp_rs::{Builder, Secret};

use crate::harness::browser::{Browser, Screen};
use crate::harness::demo_server::{DemoServer, DemoServerBuilder, page};
use crate::harness::visitor::{Response, Visitor};
use crate::sessions::{MINUTE, START, is_a_stranger, is_signed_in};

const SESSION: &str = "belvedere";
const PENDING: &str = "belvedere-factor";
const STEP: Duration = Duration::from_secs(30);

/// An authenticator app, as it runs on a phone.
pub(crate) struct AuthenticatorApp {
    key: String,
    clock: Arc<ManualClock>,
}

impl AuthenticatorApp {
    /// The code that it shows now.
    fn shows(&self) -> String {
        let totp = Builder::new().with_secret(Secret::try_from_base32(&self.key).unwrap()).build_noncompliant();
        totp.generate(u64::try_from(self.clock.now().as_millis()).unwrap() / 1000).to_string()
    }

    /// The next one, once it is there.
    pub(crate) fn shows_next(&self) -> String {
        self.clock.advance(STEP);
        self.shows()
    }
}

/// A server with a page for members and one that takes a second factor, and its clock.
async fn builder() -> (DemoServerBuilder, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(START));
    let builder = DemoServer::builder_with_clock(clock.clone()).await;
    let builder = builder.page("members", &page("Members"));
    (builder.page("vault", &format!("access = {{ factor = 2 }}\n{}", page("Vault"))), clock)
}

pub(crate) async fn house() -> (DemoServer, Arc<ManualClock>) {
    let (builder, clock) = builder().await;
    (builder.open().await, clock)
}

/// Sets up an app by its form; answers with it, and with the page of recovery codes.
pub(crate) async fn sets_up_an_app(
    visitor: &mut Visitor,
    clock: &Arc<ManualClock>,
    next: &str,
) -> (AuthenticatorApp, Response) {
    let form = visitor.opens(&format!("/account/factors/app?next={next}")).await;
    assert_eq!(form.status, StatusCode::OK, "{:?} {}", form.location, form.body);
    let key = form.body.split("<code class=\"key\">").nth(1).unwrap().split('<').next().unwrap().replace(' ', "");
    let phone = AuthenticatorApp { key, clock: clock.clone() };
    let field = |name| form.field("/account/factors/app", name).unwrap();
    let (csrf, sealed, next) = (field("csrf"), field("sealed"), field("next"));
    let fields = [("csrf", &*csrf), ("sealed", &sealed), ("next", &next), ("code", &phone.shows())];
    let answer = visitor.posts("/account/factors/app", &fields).await;
    assert_eq!(answer.location.as_deref(), Some("/account/factors/codes"), "{}", answer.body);
    let codes = visitor.opens("/account/factors/codes").await;
    assert_eq!(codes.status, StatusCode::OK, "{:?}", codes.location);
    (phone, codes)
}

/// Somebody who is signed in and has an app.
pub(crate) async fn with_an_app(
    demo: &DemoServer,
    clock: &Arc<ManualClock>,
    who: &str,
) -> (Visitor, AuthenticatorApp, Response) {
    let mut visitor = demo.house.visitor();
    visitor.signs_in(who, demo.password(who)).await;
    let (phone, codes) = sets_up_an_app(&mut visitor, clock, "").await;
    (visitor, phone, codes)
}

/// The recovery codes on the page that shows them.
fn codes_on(page: &Response) -> Vec<String> {
    let list = page.body.split("class=\"codes\"").nth(1).unwrap();
    list.split("<code>").skip(1).map(|code| code.split('<').next().unwrap().to_owned()).collect()
}

/// Sends the form of the second step that `path` shows.
pub(crate) async fn shows(visitor: &mut Visitor, path: &str, field: &str, value: &str) -> Response {
    let form = visitor.opens(path).await;
    assert_eq!(form.status, StatusCode::OK, "{path}: {:?}", form.location);
    let csrf = form.field("/login/factor", "csrf").unwrap();
    let next = form.field("/login/factor", "next").unwrap();
    visitor.posts("/login/factor", &[("csrf", &csrf), ("next", &next), (field, value)]).await
}

/// Gives the password, and must be asked for more.
pub(crate) async fn gives_the_password(visitor: &mut Visitor, demo: &DemoServer, who: &str, next: &str) {
    let answer = visitor.tries_to_sign_in(who, demo.password(who), next).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let encoded: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    assert_eq!(answer.location.unwrap(), format!("/login/factor?next={encoded}"));
}

#[tokio::test]
async fn whoever_has_an_app_gets_no_session_for_their_password_alone() {
    let (demo, clock) = house().await;
    let (_, phone, _) = with_an_app(&demo, &clock, "alice").await;
    let mut alice = demo.house.visitor();
    gives_the_password(&mut alice, &demo, "alice", "/p/members").await;
    assert!(!alice.cookies.contains_key(SESSION));
    is_a_stranger(&mut alice).await;

    let wrong = shows(&mut alice, "/login/factor?next=/p/members", "code", "000000").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.form_message().unwrap().starts_with("That code did not match."), "{:?}", wrong.form_message());
    is_a_stranger(&mut alice).await;

    let code = phone.shows_next();
    let right = shows(&mut alice, "/login/factor?next=/p/members", "code", &code).await;
    assert_eq!((right.status, right.location.as_deref()), (StatusCode::SEE_OTHER, Some("/p/members")));
    assert!(!alice.cookies.contains_key(PENDING));
    is_signed_in(&mut alice).await;
    assert_eq!(alice.opens("/p/vault").await.status, StatusCode::OK, "it was shown just now");

    // Somebody who watched her type, and knows her password.
    let mut eve = demo.house.visitor();
    gives_the_password(&mut eve, &demo, "alice", "/").await;
    let replayed = shows(&mut eve, "/login/factor", "code", &code).await;
    assert_eq!(replayed.status, StatusCode::UNAUTHORIZED);
    assert!(replayed.form_message().unwrap().contains("used before"));
}

#[tokio::test]
async fn the_place_to_wait_is_this_browser_s_and_lasts_five_minutes() {
    let (demo, clock) = house().await;
    let (_, phone, _) = with_an_app(&demo, &clock, "alice").await;
    let mut alice = demo.house.visitor();
    gives_the_password(&mut alice, &demo, "alice", "/").await;
    let form = alice.opens("/login/factor").await;
    let csrf = form.field("/login/factor", "csrf").unwrap();
    let code = phone.shows_next();

    // The waiting token without the form's cookie, and a form of another browser.
    let mut thief = demo.house.visitor();
    thief.cookies.insert(PENDING.to_owned(), alice.cookies[PENDING].clone());
    let stolen = thief.posts("/login/factor", &[("csrf", &csrf), ("code", &code)]).await;
    assert_eq!(stolen.status, StatusCode::BAD_REQUEST);
    assert!(!thief.cookies.contains_key(SESSION));

    clock.advance(Duration::from_mins(5));
    let late = alice.posts("/login/factor", &[("csrf", &csrf), ("code", &phone.shows())]).await;
    assert_eq!((late.status, late.location.as_deref()), (StatusCode::SEE_OTHER, Some("/login")));
    is_a_stranger(&mut alice).await;
}

#[tokio::test]
async fn a_recovery_code_stands_in_for_the_phone_once() {
    let (demo, clock) = house().await;
    let (_, _, page) = with_an_app(&demo, &clock, "alice").await;
    let codes = codes_on(&page);
    assert_eq!(codes.len(), 10);
    let mut alice = demo.house.visitor();
    gives_the_password(&mut alice, &demo, "alice", "/").await;
    let answer = shows(&mut alice, "/login/factor", "recovery", &codes[3]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    is_signed_in(&mut alice).await;
    assert!(alice.opens("/account/factors").await.body.contains("9 left"));

    let mut again = demo.house.visitor();
    gives_the_password(&mut again, &demo, "alice", "/").await;
    let answer = shows(&mut again, "/login/factor", "recovery", &codes[3]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn wrong_codes_are_limited_by_place_and_say_until_when() {
    let (demo, clock) = house().await;
    let (mut owner, phone, page) = with_an_app(&demo, &clock, "alice").await;
    let codes = codes_on(&page);
    owner.signs_out().await;
    let (mut guesser, mut elsewhere) = (demo.house.visitor(), demo.house.visitor());
    gives_the_password(&mut guesser, &demo, "alice", "/").await;
    for _ in 0..5 {
        let answer = shows(&mut guesser, "/login/factor", "code", "000000").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    // Another browser of the same network is another, and not another try.
    gives_the_password(&mut elsewhere, &demo, "alice", "/").await;
    let answer = shows(&mut elsewhere, "/login/factor", "code", &phone.shows()).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    let message = answer.form_message().unwrap();
    assert!(message.starts_with("There were too many wrong codes from here. You can try again in 30 s, at "), "{message}");
    // The owner's own browser has tries of its own, and recovery codes do everywhere.
    gives_the_password(&mut owner, &demo, "alice", "/").await;
    assert_eq!(shows(&mut owner, "/login/factor", "code", &phone.shows_next()).await.status, StatusCode::SEE_OTHER);
    let answer = shows(&mut elsewhere, "/login/factor", "recovery", &codes[0]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_browser_from_before_the_factor_is_like_any_other_until_it_has_shown_one() {
    let (demo, clock) = house().await;
    let mut thief = demo.house.visitor();
    thief.signs_in("alice", demo.password("alice")).await;
    clock.advance(Duration::from_secs(1));
    let (mut owner, phone, _) = with_an_app(&demo, &clock, "alice").await;
    owner.signs_out().await;
    gives_the_password(&mut thief, &demo, "alice", "/").await;
    for _ in 0..5 {
        assert_eq!(shows(&mut thief, "/login/factor", "code", "000000").await.status, StatusCode::UNAUTHORIZED);
    }
    // So they were counted as of a stranger in this network.
    let mut stranger = demo.house.visitor();
    gives_the_password(&mut stranger, &demo, "alice", "/").await;
    let answer = shows(&mut stranger, "/login/factor", "code", &phone.shows()).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    // The browser in which it was set up has tries of its own.
    gives_the_password(&mut owner, &demo, "alice", "/").await;
    assert_eq!(shows(&mut owner, "/login/factor", "code", &phone.shows_next()).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_page_that_takes_a_second_factor_leads_there_and_opens_for_as_long_as_it_counts() {
    let (builder, clock) = builder().await;
    let demo = builder.set("second_factor.remember", "1h").open().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let listed = alice.opens("/p/members").await;
    assert!(listed.body.contains("asks for your second factor"), "the bar shows a lock");
    let closed = alice.opens("/p/vault").await;
    assert_eq!(closed.location.as_deref(), Some("/login/factor?next=%2Fp%2Fvault"));
    let script = alice.fetches("/api/v1/pages/vault").await;
    assert_eq!((script.status, &script.json()["error"]["code"]), (StatusCode::FORBIDDEN, &"second-factor".into()));

    // She has none yet: she is led to set one up, and from there to the page.
    let led = alice.opens("/login/factor?next=/p/vault").await;
    assert_eq!(led.location.as_deref(), Some("/account/factors?next=%2Fp%2Fvault"));
    let (phone, codes) = sets_up_an_app(&mut alice, &clock, "/p/vault").await;
    assert!(codes.body.contains("href=\"/p/vault\"") || codes.body.contains("href=\"&#x2F;p&#x2F;vault\""));
    let open = alice.opens("/p/vault").await;
    assert_eq!(open.status, StatusCode::OK);
    assert!(!open.body.contains("asks for your second factor"));

    clock.advance(Duration::from_mins(61));
    assert_eq!(alice.opens("/p/vault").await.status, StatusCode::SEE_OTHER);
    assert_eq!(alice.opens("/p/members").await.status, StatusCode::OK, "all else goes on");
    let before = alice.clone();
    let answer = shows(&mut alice, "/login/factor?next=/p/vault", "code", &phone.shows()).await;
    assert_eq!(answer.location.as_deref(), Some("/p/vault"));
    assert_eq!(alice.opens("/p/vault").await.status, StatusCode::OK);
    assert_ne!(alice.cookies[SESSION], before.cookies[SESSION]);
    is_a_stranger(&mut before.clone()).await;
}

#[tokio::test]
async fn a_live_board_ends_when_the_second_factor_counts_no_more() {
    let (builder, clock) = builder().await;
    let demo = builder.set("second_factor.remember", "1h").open().await;
    let (alice, _, _) = with_an_app(&demo, &clock, "alice").await;
    let mut vault = alice.watches("/live/vault").await.unwrap();
    vault.hears_a("snapshot").await;
    clock.advance(Duration::from_hours(1));
    let close = vault.is_closed().await;
    assert_eq!(close.bye.unwrap()["reason"], "second-factor");
    assert_eq!(close.code, Some(4401));
    let mut refused = alice.watches("/live/vault").await.unwrap();
    assert_eq!(refused.is_closed().await.bye.unwrap()["reason"], "second-factor", "and none begins");
}

#[tokio::test]
async fn where_it_is_required_nothing_but_public_pages_opens_without_one() {
    let (builder, clock) = builder().await;
    let open = format!("access = \"public\"\n{}", page("Open"));
    let demo = builder.set("second_factor.required", true).set("admins.users", vec!["grace"]).page("open", &open).open().await;
    let mut grace = demo.house.visitor();
    grace.signs_in("grace", demo.password("grace")).await;
    assert_eq!(grace.opens("/p/open").await.status, StatusCode::OK);
    for path in ["/p/members", "/admin", "/admin/factors"] {
        let next: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
        assert_eq!(grace.opens(path).await.location, Some(format!("/login/factor?next={next}")), "{path}");
    }
    let board = grace.watches("/live/members").await.unwrap().is_closed().await;
    assert_eq!(board.bye.unwrap()["reason"], "second-factor");
    assert!(grace.opens("/account/factors").await.body.contains("You need a second factor"));
    sets_up_an_app(&mut grace, &clock, "").await;
    for path in ["/p/members", "/admin", "/admin/factors"] {
        assert_eq!(grace.opens(path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_group_that_needs_one_needs_it_everywhere_and_nobody_else_does() {
    let (builder, _clock) = builder().await;
    let demo = builder.set("second_factor.groups", vec!["dash-finance"]).open().await;
    let (mut bob, mut carol) = (demo.house.visitor(), demo.house.visitor());
    bob.signs_in("bob", demo.password("bob")).await;
    carol.signs_in("carol", demo.password("carol")).await;
    assert_eq!(bob.opens("/p/members").await.status, StatusCode::SEE_OTHER);
    assert_eq!(carol.opens("/p/members").await.status, StatusCode::OK);
    assert_eq!(carol.opens("/p/vault").await.status, StatusCode::SEE_OTHER, "the page asks everybody");
}

#[tokio::test]
async fn what_changes_a_factor_asks_for_a_recent_proof() {
    let (demo, clock) = house().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    clock.advance(MINUTE * 15);
    let led = alice.opens("/account/factors/app").await;
    assert_eq!(led.location.as_deref(), Some("/login/again?next=%2Faccount%2Ffactors%2Fapp"));

    // She has no factor yet: her password proves it.
    let form = alice.opens("/login/again?next=/account/factors/app").await;
    let csrf = form.field("/login/again", "csrf").unwrap();
    let wrong = alice.posts("/login/again", &[("csrf", &csrf), ("next", "/"), ("password", "wrong")]).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let before = alice.clone();
    let fields = [("csrf", &*csrf), ("next", "/account/factors/app"), ("password", demo.password("alice"))];
    let right = alice.posts("/login/again", &fields).await;
    assert_eq!((right.status, right.location.as_deref()), (StatusCode::SEE_OTHER, Some("/account/factors/app")));
    is_a_stranger(&mut before.clone()).await;
    let (phone, _) = sets_up_an_app(&mut alice, &clock, "").await;

    // From now on the factor does, and the password does not.
    clock.advance(MINUTE * 15);
    let csrf = alice.opens("/account/factors").await.field("/account/factors/app/remove", "csrf").unwrap();
    let refused = alice.posts("/account/factors/app/remove", &[("csrf", &csrf)]).await;
    assert_eq!(refused.location.as_deref(), Some("/login/again?next=%2F"));
    assert!(alice.opens("/account/factors").await.body.contains("Set up another in its place"), "it is still there");
    let fields = [("csrf", &*csrf), ("next", "/"), ("password", demo.password("alice"))];
    let led = alice.posts("/login/again", &fields).await;
    assert_eq!(led.location.as_deref(), Some("/login/again?next=%2F"));
    let refused = alice.posts("/account/factors/recovery", &[("csrf", &csrf)]).await;
    assert_eq!(refused.location.as_deref(), Some("/login/again?next=%2F"), "nor are recovery codes made");
    let proved = shows(&mut alice, "/login/again?next=/account/factors", "code", &phone.shows()).await;
    assert_eq!(proved.location.as_deref(), Some("/account/factors"));
    let csrf = alice.opens("/account/factors").await.field("/account/factors/app/remove", "csrf").unwrap();
    let removed = alice.posts("/account/factors/app/remove", &[("csrf", &csrf)]).await;
    assert_eq!(removed.location.as_deref(), Some("/account/factors?done=removed"));
    assert!(alice.opens("/account").await.body.contains("the authenticator app was removed"), "she is told");
    demo.house.visitor().signs_in("alice", demo.password("alice")).await;
}

#[tokio::test]
async fn loading_the_page_of_recovery_codes_again_makes_no_others() {
    let (demo, clock) = house().await;
    let (mut alice, phone, first) = with_an_app(&demo, &clock, "alice").await;
    let csrf = alice.opens("/account/factors").await.field("/account/factors/recovery", "csrf").unwrap();
    let made = alice.posts("/account/factors/recovery", &[("csrf", &csrf)]).await;
    assert_eq!((made.status, made.location.as_deref()), (StatusCode::SEE_OTHER, Some("/account/factors/codes")));
    // Another session of hers does not see them.
    let mut elsewhere = demo.house.visitor();
    gives_the_password(&mut elsewhere, &demo, "alice", "/p/members").await;
    shows(&mut elsewhere, "/login/factor?next=/p/members", "code", &phone.shows_next()).await;
    let unseen = elsewhere.opens("/account/factors/codes").await;
    assert_eq!(unseen.location.as_deref(), Some("/account/factors"), "{}", unseen.body);

    let page = alice.opens("/account/factors/codes").await;
    let codes = codes_on(&page);
    assert!(codes.len() == 10 && codes != codes_on(&first));
    assert!(page.header("Cache-Control").is_some_and(|value| value.contains("no-store")));
    let again = alice.opens("/account/factors/codes").await;
    assert_eq!(again.location.as_deref(), Some("/account/factors"), "they are shown once");
    for (codes, works) in [(&codes_on(&first), false), (&codes, true)] {
        let mut visitor = demo.house.visitor();
        gives_the_password(&mut visitor, &demo, "alice", "/p/members").await;
        let answer = shows(&mut visitor, "/login/factor?next=/p/members", "recovery", &codes[0]).await;
        assert_eq!(answer.location.as_deref() == Some("/p/members"), works, "{}", answer.body);
    }
}

#[tokio::test]
async fn no_form_is_taken_from_another_site_or_without_its_token() {
    let (demo, clock) = house().await;
    let (mut alice, phone, _) = with_an_app(&demo, &clock, "alice").await;
    let csrf = alice.opens("/account/factors").await.field("/account/factors/recovery", "csrf").unwrap();
    let code = phone.shows_next();
    for path in [
        "/account/factors/app",
        "/account/factors/app/remove",
        "/account/factors/recovery",
        "/account/factors/passkeys",
        "/account/factors/passkeys/options",
        "/account/factors/passkeys/1/remove",
        "/login/factor",
        "/login/again",
        "/login/passkey/options",
    ] {
        let forged = alice.posts(path, &[("csrf", "made-up"), ("code", &code)]).await;
        assert_eq!(forged.status, StatusCode::BAD_REQUEST, "{path}");
        let foreign = alice.posts_from("https://evil.example", path, &[("csrf", &csrf), ("code", &code)]).await;
        assert_eq!(foreign.status, StatusCode::FORBIDDEN, "{path}");
    }
    let foreign = alice.posts_from("https://evil.example", "/login/passkey", &[("csrf", &csrf)]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert!(alice.opens("/account/factors").await.body.contains("10 left"), "nothing was done");
}

#[tokio::test]
async fn an_admin_resets_a_lost_phone_after_proving_anew_and_its_owner_is_told() {
    let (builder, clock) = builder().await;
    let demo = builder.set("admins.users", vec!["grace"]).open().await;
    with_an_app(&demo, &clock, "alice").await;
    let mut grace = demo.house.visitor();
    grace.signs_in("grace", demo.password("grace")).await;
    let list = grace.opens("/admin/factors?find=ali").await;
    let csrf = list.field("/admin/factors/reset", "csrf").unwrap();
    let person = list.field("/admin/factors/reset", "person").unwrap();
    let fields = [("csrf", &*csrf), ("person", &*person)];

    let mut bob = demo.house.visitor();
    bob.signs_in("bob", demo.password("bob")).await;
    assert_eq!(bob.posts("/admin/factors/reset", &fields).await.status, StatusCode::FORBIDDEN);
    clock.advance(MINUTE * 15);
    let late = grace.posts("/admin/factors/reset", &fields).await;
    assert_eq!(late.location.as_deref(), Some("/login/again?next=%2F"), "too long ago");
    let form = grace.opens("/login/again?next=/admin/factors").await;
    let again = form.field("/login/again", "csrf").unwrap();
    grace.posts("/login/again", &[("csrf", &again), ("next", "/"), ("password", demo.password("grace"))]).await;
    let csrf = grace.opens("/admin/factors").await.field("/admin/factors/reset", "csrf").unwrap();
    let reset = grace.posts("/admin/factors/reset", &[("csrf", &csrf), ("person", &person)]).await;
    assert_eq!(reset.location.as_deref(), Some("/admin/factors?done=reset"), "{}", reset.body);

    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    assert!(alice.opens("/account").await.body.contains("an administrator reset your second factors"));
}

#[tokio::test]
async fn what_is_set_up_lasts_over_a_restart_and_the_files_do_not_hold_the_key() {
    let (demo, clock) = house().await;
    let (_, phone, _) = with_an_app(&demo, &clock, "alice").await;
    let seed = Secret::try_from_base32(&phone.key).unwrap().as_bytes().to_vec();
    for file in std::fs::read_dir(demo.house.folder.path().join("state")).unwrap() {
        let kept = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!kept.windows(seed.len()).any(|window| window == seed));
    }
    // The server after the restart goes by the real time.
    let demo = demo.restart().await;
    let mut alice = demo.house.visitor();
    gives_the_password(&mut alice, &demo, "alice", "/").await;
    is_a_stranger(&mut alice).await;
}

#[tokio::test]
async fn at_an_address_that_is_a_number_passkeys_are_not_offered_and_it_is_said_where_they_are() {
    let (demo, _clock) = house().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let page = alice.opens("/account/factors").await;
    let by_name = format!("http://localhost:{}", demo.house.address.port());
    let readable = page.body.replace("&#x2F;", "/");
    assert!(readable.contains("this address is a number") && readable.contains(&by_name), "{readable}");
    assert_eq!(alice.opens("/account/factors/passkeys").await.status, StatusCode::NOT_FOUND);
}

/// A server that can be asked about people, so that a passkey alone signs in; by the real time, as browsers go by it.
async fn house_for_passkeys() -> DemoServer {
    let vault = format!("access = {{ factor = 2 }}\n{}", page("Vault"));
    let builder = DemoServer::builder().await.page("members", &page("Members")).page("vault", &vault);
    let builder =
        builder.set("directory.bind_name", "svc-reader@belvedere.example").set("directory.bind_password", "svc-reader-demo");
    builder.set("admins.users", vec!["grace"]).open().await
}

/// The server's address by name, as passkeys want it.
fn by_name(demo: &DemoServer, path: &str) -> String {
    format!("http://localhost:{}{path}", demo.house.address.port())
}

/// Makes a passkey by the form of the page it is at.
async fn makes_a_passkey(browser: &Browser, demo: &DemoServer, name: &str) {
    browser.goes_to(&by_name(demo, "/account/factors/passkeys")).await;
    browser.finds("input[name=name]").await.send_keys(name).await.unwrap();
    browser.presses("form[data-passkey] .button").await;
    browser.sees("h1", |heading| heading == "Your recovery codes").await;
}

#[tokio::test]
async fn a_passkey_is_made_and_is_the_second_step_and_then_signs_in_by_itself() {
    let Some(browser) = Browser::open(Screen::Desktop).await else { return };
    let demo = house_for_passkeys().await;
    let authenticator = browser.has_an_authenticator().await;
    browser.goes_to(&by_name(&demo, "/login?next=/account/factors")).await;
    browser.signs_in("alice", demo.password("alice")).await;
    browser.sees("h1", |heading| heading == "Second factors").await;
    makes_a_passkey(&browser, &demo, "Work laptop").await;
    browser.goes_to(&by_name(&demo, "/p/vault")).await;
    browser.sees("h1", |heading| heading.contains("Vault")).await;
    browser.goes_to(&by_name(&demo, "/account")).await;
    browser.sees("main", |text| text.contains("the passkey “Work laptop” was added")).await;

    // As the second step.
    browser.client.delete_all_cookies().await.unwrap();
    browser.goes_to(&by_name(&demo, "/login?next=/p/vault")).await;
    browser.signs_in("alice", demo.password("alice")).await;
    browser.sees("h1", |heading| heading == "One more step").await;
    browser.presses("form[data-passkey] .button").await;
    browser.sees("h1", |heading| heading.contains("Vault")).await;

    // By itself: no name, no password.
    browser.client.delete_all_cookies().await.unwrap();
    browser.goes_to(&by_name(&demo, "/login?next=/p/vault")).await;
    browser.presses("form[data-passkey] .button").await;
    browser.sees("h1", |heading| heading.contains("Vault")).await;
    assert_eq!(browser.is_at().await, by_name(&demo, "/p/vault"));
    assert!(browser.reads("header").await.contains("Alice Johnson"));

    // Removed, it opens nothing; the authenticator still has it.
    browser.goes_to(&by_name(&demo, "/account/factors")).await;
    browser.presses("button[aria-label='Remove the passkey Work laptop']").await;
    browser.sees(".notice", |text| text.contains("It is removed")).await;
    browser.client.delete_all_cookies().await.unwrap();
    browser.goes_to(&by_name(&demo, "/login")).await;
    browser.presses("form[data-passkey] .button").await;
    browser.sees("#said", |text| text.contains("not known here")).await;
    browser.loses_its_authenticator(&authenticator).await;
    browser.closes().await;
}

#[tokio::test]
async fn a_passkey_s_answer_is_good_once_and_for_its_own_account() {
    let Some(browser) = Browser::open(Screen::Desktop).await else { return };
    let demo = house_for_passkeys().await;
    let authenticator = browser.has_an_authenticator().await;
    browser.goes_to(&by_name(&demo, "/login?next=/account/factors")).await;
    browser.signs_in("alice", demo.password("alice")).await;
    browser.sees("h1", |heading| heading == "Second factors").await;
    makes_a_passkey(&browser, &demo, "Phone").await;

    // The form is kept from leaving, and what it would have sent is sent twice.
    browser.client.delete_all_cookies().await.unwrap();
    browser.goes_to(&by_name(&demo, "/login?next=/p/vault")).await;
    browser.asks("HTMLFormElement.prototype.submit = function () { window.filledIn = true; }").await;
    browser.presses("form[data-passkey] .button").await;
    browser.waits_for("return window.filledIn ?? false", |filled| *filled == true).await;
    let send = "const done = arguments[arguments.length - 1];
        const body = new URLSearchParams(new FormData(document.querySelector('form[data-passkey]')));
        fetch('/login/passkey', { method: 'POST', body, headers: { Accept: 'text/html' } })
            .then((answer) => done([answer.status, answer.url]), (error) => done(String(error)));";
    let first = browser.client.execute_async(send, Vec::new()).await.unwrap();
    assert_eq!(first, serde_json::json!([200, by_name(&demo, "/p/vault")]), "it is right");
    let second = browser.client.execute_async(send, Vec::new()).await.unwrap();
    // This authenticator counts its answers, and the count did not go on.
    assert_eq!(second[0], 401, "and once: {second}");

    // Bob's password and Alice's passkey are nobody's sign-in. He has an app.
    browser.client.delete_all_cookies().await.unwrap();
    let mut bob = Visitor::new(demo.house.address);
    bob.signs_in("bob", demo.password("bob")).await;
    let clock = Arc::new(ManualClock::at(belvedere::domain::SystemClock.now()));
    sets_up_an_app(&mut bob, &clock, "").await;
    browser.goes_to(&by_name(&demo, "/login")).await;
    browser.signs_in("bob", demo.password("bob")).await;
    browser.sees("h1", |heading| heading == "One more step").await;
    let script = "const done = arguments[arguments.length - 1];
        (async () => {
            const { requestOptions, credentialToJson } = await import('/static/js/passkeys.js');
            const form = document.querySelector('form[action=\"/login/factor\"]');
            const own = form.elements.namedItem('csrf').value;
            const body = (fields) => ({ method: 'POST', body: new URLSearchParams(fields), headers: { Accept: 'text/html' } });
            const asked = await (await fetch('/login/passkey/options', body({ csrf: own }))).json();
            const credential = await navigator.credentials.get({ publicKey: requestOptions(asked.options) });
            const fields = { csrf: own, sealed: asked.sealed, credential: JSON.stringify(credentialToJson(credential)) };
            const answer = await fetch('/login/factor', body(fields));
            return [answer.status, (await answer.text()).includes('belongs to another account')];
        })().then(done, (error) => done(String(error)));";
    let answer = browser.client.execute_async(script, Vec::new()).await.unwrap();
    assert_eq!(answer, serde_json::json!([401, true]));
    browser.loses_its_authenticator(&authenticator).await;
    browser.closes().await;
}

#[tokio::test]
async fn without_a_service_account_a_passkey_comes_after_the_password_alone_and_it_is_said() {
    let Some(browser) = Browser::open(Screen::Desktop).await else { return };
    let demo = DemoServer::builder().await.page("members", &page("Members")).open().await;
    let authenticator = browser.has_an_authenticator().await;
    browser.goes_to(&by_name(&demo, "/login?next=/account/factors")).await;
    assert!(!browser.reads("main").await.contains("passkey"), "it is not offered");
    browser.signs_in("alice", demo.password("alice")).await;
    browser.sees("main", |text| text.contains("It does not sign you in by itself")).await;
    makes_a_passkey(&browser, &demo, "Phone").await;
    browser.client.delete_all_cookies().await.unwrap();
    browser.goes_to(&by_name(&demo, "/login")).await;
    browser.signs_in("alice", demo.password("alice")).await;
    browser.presses("form[data-passkey] .button").await;
    browser.sees("header", |text| text.contains("Sign out")).await;
    browser.loses_its_authenticator(&authenticator).await;
    browser.closes().await;
}

#[tokio::test]
async fn the_pages_for_second_factors_have_no_barriers() {
    for (screen, name) in [(Screen::Desktop, "desktop"), (Screen::Phone, "phone")] {
        let Some(browser) = Browser::open(screen).await else { return };
        let demo = house_for_passkeys().await;
        let authenticator = browser.has_an_authenticator().await;
        look_at(&browser, &demo, "/login", &format!("sign-in-passkey-{name}")).await;
        browser.goes_to(&by_name(&demo, "/login?next=/account/factors")).await;
        browser.signs_in("grace", demo.password("grace")).await;
        browser.sees("h1", |heading| heading == "Second factors").await;
        look_at(&browser, &demo, "/account/factors", &format!("factors-none-{name}")).await;
        look_at(&browser, &demo, "/account/factors/passkeys", &format!("factors-passkey-{name}")).await;
        makes_a_passkey(&browser, &demo, "Work laptop").await;
        has_no_barriers(&browser, &format!("factors-codes-{name}")).await;
        let mut grace = Visitor::new(demo.house.address);
        let cookie = browser.client.get_named_cookie(SESSION).await.unwrap();
        grace.cookies.insert(SESSION.to_owned(), cookie.value().to_owned());
        let clock = Arc::new(ManualClock::at(belvedere::domain::SystemClock.now()));
        look_at(&browser, &demo, "/account/factors/app", &format!("factors-app-{name}")).await;
        sets_up_an_app_beside(&mut grace, &clock).await;
        browser.client.delete_all_cookies().await.unwrap();
        browser.goes_to(&by_name(&demo, "/login")).await;
        browser.signs_in("grace", demo.password("grace")).await;
        browser.sees("h1", |heading| heading == "One more step").await;
        look_at(&browser, &demo, "/login/factor", &format!("second-step-{name}")).await;
        browser.presses("form[data-passkey] .button").await;
        browser.sees("header", |text| text.contains("Sign out")).await;
        look_at(&browser, &demo, "/account/factors", &format!("factors-{name}")).await;
        look_at(&browser, &demo, "/admin/factors", &format!("factors-admin-{name}")).await;
        look_at(&browser, &demo, "/login/again", &format!("again-factor-{name}")).await;
        look_at(&browser, &demo, "/account", &format!("account-factors-{name}")).await;
        browser.loses_its_authenticator(&authenticator).await;
        browser.closes().await;
    }
}

/// An app beside what there is: no recovery codes are made then.
async fn sets_up_an_app_beside(visitor: &mut Visitor, clock: &Arc<ManualClock>) {
    let form = visitor.opens("/account/factors/app").await;
    let key = form.body.split("<code class=\"key\">").nth(1).unwrap().split('<').next().unwrap().replace(' ', "");
    let phone = AuthenticatorApp { key, clock: clock.clone() };
    let field = |name| form.field("/account/factors/app", name).unwrap();
    let (csrf, sealed) = (field("csrf"), field("sealed"));
    let answer =
        visitor.posts("/account/factors/app", &[("csrf", &*csrf), ("sealed", &sealed), ("code", &phone.shows())]).await;
    assert_eq!(answer.location.as_deref(), Some("/account/factors?done=app"), "{}", answer.body);
}

/// Looks at a page in light and in dark.
async fn look_at(browser: &Browser, demo: &DemoServer, path: &str, name: &str) {
    for theme in ["light", "dark"] {
        browser.goes_to(&by_name(demo, path)).await;
        browser.presses(&format!("form[action='/theme'] button[value={theme}]")).await;
        browser.finds(&format!("html.theme-{theme}")).await;
        assert_eq!(browser.is_at().await, by_name(demo, path));
        has_no_barriers(browser, &format!("{name}-{theme}")).await;
    }
}

async fn has_no_barriers(browser: &Browser, name: &str) {
    let barriers = browser.barriers().await;
    assert!(barriers.is_empty(), "{name}: {barriers:#?}");
    let overflow = browser.asks("return document.documentElement.scrollWidth - window.innerWidth").await;
    assert!(overflow.as_f64().unwrap() <= 0.0, "{name} is {overflow} px wider than the screen");
    browser.pictures(name).await;
    let errors = browser.console_errors().await;
    assert!(errors.is_empty(), "{name}: the console says {errors:#?}");
}

#[tokio::test]
async fn nobody_s_factor_counts_in_the_session_of_somebody_else() {
    let (demo, clock) = house().await;
    // Alice has an app and a token of her own, and came by a session of Bob's with his password alone.
    let (mut alice, phone, _) = with_an_app(&demo, &clock, "alice").await;
    let token = alice.makes_a_token("read", 3600).await;
    let mut bob = demo.house.visitor();
    bob.signs_in("bob", demo.password("bob")).await;
    let csrf = bob.opens("/account").await.field("/logout", "csrf").unwrap();
    let mut both = demo.house.visitor().with_token(&token);
    both.cookies.clone_from(&bob.cookies);
    let answer = both.posts("/login/factor", &[("csrf", &csrf), ("next", "/p/vault"), ("code", &phone.shows_next())]).await;
    assert_ne!(answer.status, StatusCode::OK);
    assert!(answer.set_cookie("belvedere").is_none(), "no session is renewed");
    assert_eq!(bob.opens("/p/members").await.status, StatusCode::OK, "nor taken from its owner");
    assert_eq!(bob.opens("/p/vault").await.location.as_deref(), Some("/login/factor?next=%2Fp%2Fvault"));
}

#[tokio::test]
async fn a_lost_phone_s_sessions_and_tokens_end_with_its_factors() {
    let (builder, clock) = builder().await;
    let demo = builder.set("admins.users", vec!["grace"]).open().await;
    let (mut alice, ..) = with_an_app(&demo, &clock, "alice").await;
    let token = alice.makes_a_token("read", 3600).await;
    let script = demo.house.visitor().with_token(&token);
    let mut board = script.watches("/live/vault").await.unwrap();
    board.hears_a("hello").await;
    let mut grace = demo.house.visitor();
    grace.signs_in("grace", demo.password("grace")).await;
    let list = grace.opens("/admin/factors?find=ali").await;
    let csrf = list.field("/admin/factors/reset", "csrf").unwrap();
    let person = list.field("/admin/factors/reset", "person").unwrap();
    grace.posts("/admin/factors/reset", &[("csrf", &csrf), ("person", &person)]).await;
    assert_eq!(board.is_closed().await.bye.unwrap()["reason"], "revoked");
    assert_eq!(alice.opens("/account").await.status, StatusCode::SEE_OTHER);
    assert_eq!(demo.house.visitor().with_token(&token).fetches("/p/members").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_wrong_code_keeps_the_key_that_the_app_has_scanned() {
    let (demo, clock) = house().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    let key_on =
        |page: &Response| page.body.split("<code class=\"key\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let form = alice.opens("/account/factors/app").await;
    let phone = AuthenticatorApp { key: key_on(&form).replace(' ', ""), clock: clock.clone() };
    let sends = async |visitor: &mut Visitor, form: &Response, code: &str| {
        let field = |name| form.field("/account/factors/app", name).unwrap();
        let (csrf, sealed) = (field("csrf"), field("sealed"));
        visitor.posts("/account/factors/app", &[("csrf", &*csrf), ("sealed", &sealed), ("code", code)]).await
    };
    let refused = sends(&mut alice, &form, "12345").await;
    assert_eq!((refused.status, key_on(&refused)), (StatusCode::UNAUTHORIZED, key_on(&form)));
    let confirmed = sends(&mut alice, &refused, &phone.shows()).await;
    assert_eq!(confirmed.location.as_deref(), Some("/account/factors/codes"), "{}", confirmed.body);
}
