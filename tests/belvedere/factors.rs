//! Second factors: setting them up, showing them, and what stays shut without them.

use std::sync::Arc;
use std::time::Duration;

use belvedere::domain::{Clock as _, ManualClock};
use reqwest::StatusCode;
use totp_rs::{Builder, Secret};

use crate::harness::demo::{Demo, DemoPlan, page};
use crate::harness::visitor::{Answer, Visitor};
use crate::sessions::{MINUTE, START, is_a_stranger, is_signed_in};

const SESSION: &str = "belvedere";
const PENDING: &str = "belvedere-factor";
const STEP: Duration = Duration::from_secs(30);

/// An authenticator app, as it runs on a phone.
pub(crate) struct Phone {
    key: String,
    clock: Arc<ManualClock>,
}

impl Phone {
    /// The code that it shows now.
    fn shows(&self) -> String {
        let totp = Builder::new().with_secret(Secret::try_from_base32(&self.key).unwrap()).build_noncompliant();
        totp.generate(u64::try_from(self.clock.now().as_millis()).unwrap() / 1000).to_string()
    }

    /// The next one, once it is there.
    fn shows_next(&self) -> String {
        self.clock.advance(STEP);
        self.shows()
    }
}

/// A house with a page for members and one that takes a second factor, and its clock.
async fn plan() -> (DemoPlan, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(START));
    let plan = Demo::plan_with(clock.clone()).await;
    let plan = plan.page("members", &page("Members"));
    (plan.page("vault", &format!("access = {{ factor = 2 }}\n{}", page("Vault"))), clock)
}

pub(crate) async fn house() -> (Demo, Arc<ManualClock>) {
    let (plan, clock) = plan().await;
    (plan.open().await, clock)
}

/// Sets up an app by its form; answers with it, and with the page of recovery codes.
async fn sets_up_an_app(visitor: &mut Visitor, clock: &Arc<ManualClock>, next: &str) -> (Phone, Answer) {
    let form = visitor.opens(&format!("/account/factors/app?next={next}")).await;
    assert_eq!(form.status, StatusCode::OK, "{:?} {}", form.location, form.body);
    let key = form.body.split("<code class=\"key\">").nth(1).unwrap().split('<').next().unwrap().replace(' ', "");
    let phone = Phone { key, clock: clock.clone() };
    let field = |name| form.field("/account/factors/app", name).unwrap();
    let (csrf, sealed, next) = (field("csrf"), field("sealed"), field("next"));
    let fields = [("csrf", &*csrf), ("sealed", &sealed), ("next", &next), ("code", &phone.shows())];
    let answer = visitor.posts("/account/factors/app", &fields).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    (phone, answer)
}

/// Somebody who is signed in and has an app.
pub(crate) async fn with_an_app(demo: &Demo, clock: &Arc<ManualClock>, who: &str) -> (Visitor, Phone, Answer) {
    let mut visitor = demo.house.visitor();
    visitor.signs_in(who, demo.password(who)).await;
    let (phone, codes) = sets_up_an_app(&mut visitor, clock, "").await;
    (visitor, phone, codes)
}

/// The recovery codes on the page that shows them.
fn codes_on(page: &Answer) -> Vec<String> {
    let list = page.body.split("class=\"codes\"").nth(1).unwrap();
    list.split("<code>").skip(1).map(|code| code.split('<').next().unwrap().to_owned()).collect()
}

/// Sends the form of the second step that `path` shows.
async fn shows(visitor: &mut Visitor, path: &str, field: &str, value: &str) -> Answer {
    let form = visitor.opens(path).await;
    assert_eq!(form.status, StatusCode::OK, "{path}: {:?}", form.location);
    let csrf = form.field("/login/factor", "csrf").unwrap();
    let next = form.field("/login/factor", "next").unwrap();
    visitor.posts("/login/factor", &[("csrf", &csrf), ("next", &next), (field, value)]).await
}

/// Gives the password, and must be asked for more.
async fn gives_the_password(visitor: &mut Visitor, demo: &Demo, who: &str, next: &str) {
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
    assert!(wrong.said().unwrap().starts_with("That code did not match."), "{:?}", wrong.said());
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
    assert!(replayed.said().unwrap().contains("used before"));
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
async fn wrong_codes_are_limited_by_person_and_say_for_how_long() {
    let (demo, clock) = house().await;
    let (_, phone, _) = with_an_app(&demo, &clock, "alice").await;
    let (mut guesser, mut alice) = (demo.house.visitor(), demo.house.visitor());
    gives_the_password(&mut guesser, &demo, "alice", "/").await;
    for _ in 0..5 {
        let answer = shows(&mut guesser, "/login/factor", "code", "000000").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    gives_the_password(&mut alice, &demo, "alice", "/").await;
    let code = phone.shows();
    let answer = shows(&mut alice, "/login/factor", "code", &code).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "another browser is another, and not another try");
    assert_eq!(answer.said().unwrap(), "There were too many wrong codes. Try again in 30 s.");
    let code = phone.shows_next();
    assert_eq!(shows(&mut alice, "/login/factor", "code", &code).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_page_that_takes_a_second_factor_leads_there_and_opens_for_as_long_as_it_counts() {
    let (plan, clock) = plan().await;
    let demo = plan.set("second_factor.remember", "1h").open().await;
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
    let (plan, clock) = plan().await;
    let demo = plan.set("second_factor.remember", "1h").open().await;
    let (alice, _, _) = with_an_app(&demo, &clock, "alice").await;
    let mut vault = alice.watches("/live/vault").await.unwrap();
    vault.hears_a("snapshot").await;
    clock.advance(Duration::from_hours(1));
    let goodbye = vault.is_told_goodbye().await;
    assert_eq!(goodbye.bye.unwrap()["reason"], "second-factor");
    assert_eq!(goodbye.code, Some(4401));
    let mut refused = alice.watches("/live/vault").await.unwrap();
    assert_eq!(refused.is_told_goodbye().await.bye.unwrap()["reason"], "second-factor", "and none begins");
}

#[tokio::test]
async fn where_it_is_required_nothing_but_public_pages_opens_without_one() {
    let (plan, clock) = plan().await;
    let open = format!("access = \"public\"\n{}", page("Open"));
    let demo =
        plan.set("second_factor.required", true).set("admins.users", vec!["grace"]).page("open", &open).open().await;
    let mut grace = demo.house.visitor();
    grace.signs_in("grace", demo.password("grace")).await;
    assert_eq!(grace.opens("/p/open").await.status, StatusCode::OK);
    for path in ["/p/members", "/admin", "/admin/factors"] {
        let next: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
        assert_eq!(grace.opens(path).await.location, Some(format!("/login/factor?next={next}")), "{path}");
    }
    let board = grace.watches("/live/members").await.unwrap().is_told_goodbye().await;
    assert_eq!(board.bye.unwrap()["reason"], "second-factor");
    assert!(grace.opens("/account/factors").await.body.contains("You need a second factor"));
    sets_up_an_app(&mut grace, &clock, "").await;
    for path in ["/p/members", "/admin", "/admin/factors"] {
        assert_eq!(grace.opens(path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_group_that_needs_one_needs_it_everywhere_and_nobody_else_does() {
    let (plan, _clock) = plan().await;
    let demo = plan.set("second_factor.groups", vec!["dash-finance"]).open().await;
    let (mut bob, mut carol) = (demo.house.visitor(), demo.house.visitor());
    bob.signs_in("bob", demo.password("bob")).await;
    carol.signs_in("carol", demo.password("carol")).await;
    assert_eq!(bob.opens("/p/members").await.status, StatusCode::SEE_OTHER);
    assert_eq!(carol.opens("/p/members").await.status, StatusCode::OK);
    assert_eq!(carol.opens("/p/vault").await.status, StatusCode::SEE_OTHER, "the page asks everybody");
}

#[tokio::test]
async fn what_changes_a_factor_asks_for_a_proof_not_older_than_ten_minutes() {
    let (demo, clock) = house().await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    clock.advance(MINUTE * 10);
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
    clock.advance(MINUTE * 10);
    let csrf = alice.opens("/account/factors").await.field("/account/factors/app/remove", "csrf").unwrap();
    let refused = alice.posts("/account/factors/app/remove", &[("csrf", &csrf)]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.heading().as_deref(), Some("Confirm that it is you"));
    let fields = [("csrf", &*csrf), ("next", "/"), ("password", demo.password("alice"))];
    let led = alice.posts("/login/again", &fields).await;
    assert_eq!(led.location.as_deref(), Some("/login/again?next=%2F"));
    let refused = alice.posts("/account/factors/recovery", &[("csrf", &csrf)]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "nor are recovery codes made");
    let proved = shows(&mut alice, "/login/again?next=/account/factors", "code", &phone.shows()).await;
    assert_eq!(proved.location.as_deref(), Some("/account/factors"));
    let csrf = alice.opens("/account/factors").await.field("/account/factors/app/remove", "csrf").unwrap();
    let removed = alice.posts("/account/factors/app/remove", &[("csrf", &csrf)]).await;
    assert_eq!(removed.location.as_deref(), Some("/account/factors?done=removed"));
    assert!(alice.opens("/account").await.body.contains("the authenticator app was removed"), "she is told");
    demo.house.visitor().signs_in("alice", demo.password("alice")).await;
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
    let (plan, clock) = plan().await;
    let demo = plan.set("admins.users", vec!["grace"]).open().await;
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
    clock.advance(MINUTE * 10);
    assert_eq!(grace.posts("/admin/factors/reset", &fields).await.status, StatusCode::FORBIDDEN, "too long ago");
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
    // The house after the restart goes by the real time.
    let demo = demo.again().await;
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
