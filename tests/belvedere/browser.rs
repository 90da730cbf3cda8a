//! The whole program in Chromium, as people see it.

use fantoccini::wd::WindowHandle;
use serde_json::{Value, json};

use crate::harness::browser::{Browser, Screen};
use crate::harness::demo_server::{DemoServer, page};
use crate::harness::json_server::server_with_stock_source;
use crate::harness::samba;
use crate::harness::test_server::{TestServer, TestServerBuilder};

/// The checks at the end of every look at a page.
async fn nothing_is_amiss(browser: &Browser, house: &str) {
    let errors = browser.console_errors().await;
    assert!(errors.is_empty(), "the console says {errors:#?}");
    for request in browser.requests().await {
        let ours = request.replacen("ws://", "http://", 1).starts_with(house) || request.starts_with("data:");
        assert!(ours, "a request leaves the host: {request}");
    }
}

#[tokio::test]
async fn a_member_of_an_ad_group_signs_in_and_watches_the_machines_real_load() {
    let (Some(domain), Some(browser)) = (samba::domain(), Browser::open(Screen::Desktop).await) else { return };
    // The URL, and the authority of its own that signed its certificate: nothing else is configured.
    let house = TestServerBuilder::with_directory(&domain.ldaps_url())
        .set("directory.ca_file", domain.ca_file.to_str().unwrap())
        .sample_pages()
        .open()
        .await;

    browser.goes_to(&house.url("/p/operations")).await;
    assert!(browser.is_at().await.contains("/login?next="), "a stranger is asked to sign in");
    assert!(!browser.reads("main").await.contains("Operations"), "the form names no page for named groups to a stranger");
    browser.signs_in("alice", samba::PASSWORD).await;
    browser.finds("#panel-cpu").await;
    assert_eq!(browser.is_at().await, house.url("/p/operations"), "alice is brought back");
    assert!(browser.reads("header").await.contains("Sign out"));

    browser.sees("#connection .words", |words| words == "Live").await;
    let figure = "#panel-cpu .legend b";
    browser.sees(figure, |text| text.contains('%')).await;

    // A machine that has much to do shows 100 % for a while; the line goes on all the same.
    let picture = "return document.querySelector('#panel-cpu canvas')?.toDataURL() ?? null";
    let before = browser.waits_for(picture, Value::is_string).await;
    browser.waits_for(picture, |now| now.is_string() && *now != before).await;
    nothing_is_amiss(&browser, &house.url("")).await;
    browser.closes().await;
}

#[tokio::test]
async fn choosing_a_city_changes_the_page_and_its_address_and_back_goes_back() {
    let Some(browser) = Browser::open(Screen::Desktop).await else { return };
    let demo = DemoServer::builder().await.sample_pages().open().await;
    browser.goes_to(&demo.house.url("/p/cities")).await;
    browser.sees("#connection .words", |words| words == "Live").await;
    browser.asks("window.sameDocument = true").await;
    browser.finds("select[name=city] option[value=NYC]").await.click().await.unwrap();
    browser.sees("main", |text| text.contains("You have selected NYC")).await;
    assert_eq!(browser.is_at().await, demo.house.url("/p/cities?city=NYC"));
    browser.finds("select[name=city] option[value=MTL]").await.click().await.unwrap();
    browser.sees("main", |text| text.contains("You have selected MTL")).await;
    browser.client.back().await.unwrap();
    browser.sees("main", |text| text.contains("You have selected NYC")).await;
    assert_eq!(browser.asks("return window.sameDocument").await, true, "the page was never loaded again");
    let chosen = browser.asks("return document.querySelector('select[name=city]').value").await;
    assert_eq!(chosen, "NYC");

    browser.goes_to(&demo.house.url("/p/cities?city=MTL")).await;
    browser.sees("main", |text| text.contains("You have selected MTL")).await;
    nothing_is_amiss(&browser, &demo.house.url("")).await;
    browser.closes().await;
}

#[tokio::test]
async fn radios_choose_too_for_members() {
    let Some(browser) = Browser::open(Screen::Desktop).await else { return };
    let demo = DemoServer::builder().await.sample_pages().open().await;
    browser.goes_to(&demo.house.url("/p/colours")).await;
    browser.signs_in("carol", demo.password("carol")).await;
    browser.sees("#connection .words", |words| words == "Live").await;
    for colour in ["Blue", "Red", "Orange"] {
        browser.asks(&format!("document.querySelector('input[value={colour}]').click()")).await;
        browser.sees("main", |text| text.contains(&format!("You have selected {colour}"))).await;
    }
    nothing_is_amiss(&browser, &demo.house.url("")).await;
    browser.closes().await;
}

#[tokio::test]
async fn signing_out_in_another_tab_is_said_in_this_one() {
    let Some(browser) = Browser::open(Screen::Desktop).await else { return };
    let demo = DemoServer::builder().await.page("board", &page("Board")).open().await;
    browser.goes_to(&demo.house.url("/p/board")).await;
    browser.signs_in("alice", demo.password("alice")).await;
    browser.sees("#connection .words", |words| words == "Live").await;
    let this = browser.client.window().await.unwrap();

    let other = browser.client.new_window(true).await.unwrap().handle;
    signs_out_beside(&browser, &demo.house, &other, &this).await;
    browser.sees("#notice", |text| text.contains("Sign in again")).await;
    assert!(browser.client.title().await.unwrap().contains("Signed out"));
    browser.presses("#notice a").await;
    browser.signs_in("alice", demo.password("alice")).await;
    browser.finds("#panel-uptime").await;
    assert_eq!(browser.is_at().await, demo.house.url("/p/board"), "back where they were");

    signs_out_beside(&browser, &demo.house, &other, &this).await;
    assert_eq!(
        browser.asks("return document.querySelector('.who').checkVisibility()").await,
        false,
        "nobody's name stands there"
    );
    browser.client.switch_to_window(other.clone()).await.unwrap();
    browser.goes_to(&demo.house.url("/p/board")).await;
    browser.signs_in("alice", demo.password("alice")).await;
    browser.finds("#panel-uptime").await;
    browser.client.switch_to_window(this.clone()).await.unwrap();
    browser.sees("#connection .words", |words| words == "Live").await;
    browser.sees(".who-name", |name| name.contains("Alice")).await;
    browser.closes().await;
}

/// Signs out in the tab `other`; the board in the tab `this` says so.
async fn signs_out_beside(browser: &Browser, house: &TestServer, other: &WindowHandle, this: &WindowHandle) {
    browser.client.switch_to_window(other.clone()).await.unwrap();
    browser.goes_to(&house.url("/")).await;
    browser.presses("form[action='/logout'] button").await;
    browser.sees("h1", |text| text.to_lowercase().contains("signed out")).await;
    browser.client.switch_to_window(this.clone()).await.unwrap();
    browser.sees("#connection .words", |words| words == "Signed out").await;
}

#[tokio::test]
async fn an_access_that_is_given_back_brings_the_board_back() {
    let Some(browser) = Browser::open(Screen::Desktop).await else { return };
    let of = |who: &str| format!("access = {{ users = [\"{who}\"] }}\n{}", page("Board"));
    let demo = DemoServer::builder().await.page("board", &of("alice")).open().await;
    browser.goes_to(&demo.house.url("/p/board")).await;
    browser.signs_in("alice", demo.password("alice")).await;
    browser.sees("#connection .words", |words| words == "Live").await;
    demo.house.write_page("board", &of("bob"));
    browser.sees("#connection .words", |words| words == "Not allowed").await;
    demo.house.write_page("board", &of("alice"));
    browser.sees("#connection .words", |words| words == "Live").await;
    browser.closes().await;
}

#[tokio::test]
async fn a_restart_of_the_server_is_survived_by_those_who_watch() {
    let Some(browser) = Browser::open(Screen::Desktop).await else { return };
    let demo = DemoServer::builder().await.page("board", &page("Board")).open().await;
    let (address, url) = (demo.house.address, demo.directory.url());
    browser.goes_to(&demo.house.url("/p/board")).await;
    browser.signs_in("alice", demo.password("alice")).await;
    browser.sees("#connection .words", |words| words == "Live").await;
    browser.asks("window.sameDocument = true").await;

    let again = TestServerBuilder::restarting(&demo.house, &url).set("port", address.port());
    let DemoServer { house, directory, .. } = demo;
    house.shut_down().await;
    browser.sees("#connection .words", |words| words.starts_with("Reconnecting") || words.starts_with("Offline")).await;
    let house = again.open().await;
    assert_eq!(house.address, address);
    browser.sees("#connection .words", |words| words == "Live").await;
    assert_eq!(browser.asks("return window.sameDocument").await, true);
    let first = browser.reads("#panel-uptime .stat-figure, #panel-uptime .figure").await;
    browser.sees("#panel-uptime .stat-figure, #panel-uptime .figure", |text| text != first).await;
    browser.closes().await;
    drop((house, directory));
}

#[tokio::test]
async fn an_edited_page_is_seen_by_those_who_watch_and_one_that_was_away_comes_back() {
    let Some(browser) = Browser::open(Screen::Desktop).await else { return };
    let public = |title: &str| format!("access = \"public\"\n{}", page(title));
    let demo = DemoServer::builder().await.page("board", &public("Board")).open().await;
    browser.goes_to(&demo.house.url("/p/board")).await;
    browser.sees("#connection .words", |words| words == "Live").await;
    demo.house.write_page("board", &public("Edited board").replace("Uptime", "Running for"));
    browser.sees("h1", |title| title == "Edited board").await;
    browser.sees("#panel-uptime h2", |title| title == "Running for").await;
    browser.sees("#connection .words", |words| words == "Live").await;

    demo.house.remove_page("board");
    browser.sees("#connection .words", |words| words.starts_with("Gone")).await;
    demo.house.write_page("board", &public("Board again"));
    browser.sees("h1", |title| title == "Board again").await;
    browser.sees("#connection .words", |words| words == "Live").await;
    browser.closes().await;
}

#[tokio::test]
async fn a_failing_source_is_dimmed_with_its_reason_in_words() {
    let Some(browser) = Browser::open(Screen::Desktop).await else { return };
    let (stock, demo) = server_with_stock_source().await;
    browser.goes_to(&demo.house.url("/p/stock")).await;
    browser.sees("#panel-share", |text| text.contains("98.1")).await;
    stock.fails_with(503);
    let condition = "return document.querySelector('#panel-share').dataset.condition";
    browser.waits_for(condition, |condition| condition == "failing").await;
    let text = browser.sees("#panel-share", |text| text.contains("stock gave an answer that cannot be used")).await;
    assert!(text.contains("98.1"), "the last good value stays: {text}");
    browser.pictures("failing").await;
    stock.answers(json!({ "stock": { "share": 97.4 } }));
    browser.sees("#panel-share", |text| text.contains("97.4")).await;
    browser.waits_for(condition, |condition| condition == "fresh").await;
    browser.closes().await;
}

#[tokio::test]
async fn an_admin_has_the_directory_examined_and_reads_what_came_of_it() {
    for (screen, name) in [(Screen::Desktop, "desktop"), (Screen::Phone, "phone")] {
        let Some(browser) = Browser::open(screen).await else { return };
        let demo = DemoServer::builder()
            .await
            .set("admins.groups", vec!["dash-admins".to_owned()])
            .page("board", &page("Board"))
            .open()
            .await;
        browser.goes_to(&demo.house.url("/admin/directory")).await;
        browser.signs_in("grace", demo.password("grace")).await;
        browser.sees("#directory", |text| text.contains("answers")).await;
        browser.presses(".examine button").await;
        let said = browser.sees("#directory", |text| text.contains("Examined at")).await;
        assert!(said.contains("Active Directory") && said.contains("bind_name"), "{said}");
        for theme in ["light", "dark"] {
            browser.presses(&format!("form[action='/theme'] button[value={theme}]")).await;
            browser.finds(&format!("html.theme-{theme}")).await;
            let barriers = browser.barriers().await;
            assert!(barriers.is_empty(), "{theme}, {name}: {barriers:#?}");
            let overflow = browser.asks("return document.documentElement.scrollWidth - window.innerWidth").await;
            assert!(overflow.as_f64().unwrap() <= 0.0, "{theme}, {name} is {overflow} px wider than the screen");
            browser.pictures(&format!("examined-{theme}-{name}")).await;
        }
        a_new_token_is_in_sight_as_a_whole(&browser, &demo, name).await;
        nothing_is_amiss(&browser, &demo.house.url("")).await;
        browser.closes().await;
    }
}

/// Whoever is signed in makes a token, and sees all of it: it is shown once.
async fn a_new_token_is_in_sight_as_a_whole(browser: &Browser, demo: &DemoServer, screen: &str) {
    browser.goes_to(&demo.house.url("/account")).await;
    browser.finds("form[action='/account/tokens'] [name=name]").await.send_keys("backup").await.unwrap();
    browser.presses("form[action='/account/tokens'] button").await;
    browser.sees("h1", |heading| heading == "Your new API token").await;
    let hidden = browser.asks("const { parentElement } = document.querySelector('#token'); return parentElement.scrollWidth - parentElement.clientWidth").await;
    assert!(hidden.as_f64().unwrap() <= 0.0, "{hidden} px of the token are out of sight on the {screen}");
    let barriers = browser.barriers().await;
    assert!(barriers.is_empty(), "{screen}: {barriers:#?}");
    browser.pictures(&format!("token-{screen}")).await;
}

/// Every page there is: for whom, and where.
const PAGES: &[(Option<&str>, &str, &str)] = &[
    (None, "home-stranger", "/"),
    (None, "welcome", "/p/welcome"),
    (None, "cities", "/p/cities?city=NYC"),
    (None, "sign-in", "/login?next=%2Fp%2Foperations"),
    (None, "signed-out", "/logout"),
    (None, "not-found", "/p/nowhere"),
    (Some("carol"), "colours", "/p/colours?colour=Blue"),
    (Some("carol"), "this-machine", "/p/this-machine"),
    (Some("carol"), "forbidden", "/p/operations"),
    (Some("grace"), "operations", "/p/operations"),
    (Some("grace"), "home-member", "/"),
    (Some("grace"), "account", "/account"),
    (Some("grace"), "admin", "/admin"),
    (Some("grace"), "admin-sessions", "/admin/sessions"),
    (Some("grace"), "admin-tokens", "/admin/tokens"),
    (Some("grace"), "admin-audit", "/admin/audit"),
    (Some("grace"), "admin-directory", "/admin/directory"),
    (Some("grace"), "admin-faults", "/admin/faults"),
    (Some("grace"), "again", "/login/again?next=%2Fadmin"),
    (Some("grace"), "sign-out", "/logout"),
];

#[tokio::test]
async fn no_page_has_barriers_on_a_desktop() {
    look_at_every_page(Screen::Desktop, "desktop").await;
}

#[tokio::test]
async fn no_page_has_barriers_on_a_phone() {
    look_at_every_page(Screen::Phone, "phone").await;
}

/// Looks at every page, in light and in dark: nothing serious by axe-core, nothing wider than the screen, no error in
/// the console, no request to anybody else.
async fn look_at_every_page(screen: Screen, name: &str) {
    let Some(browser) = Browser::open(screen).await else { return };
    let demo = DemoServer::builder()
        .await
        .set("admins.groups", vec!["dash-admins".to_owned()])
        .sample_pages()
        .page("broken", "title = \"Broken\"\nacess = \"public\"\n")
        .open()
        .await;
    let mut signed_in = None;
    for (who, page, path) in PAGES {
        if *who != signed_in {
            browser.client.delete_all_cookies().await.unwrap();
            let who = who.expect("strangers come first");
            browser.goes_to(&demo.house.url("/login")).await;
            browser.signs_in(who, demo.password(who)).await;
            browser.sees("header", |text| text.contains("Sign out")).await;
            signed_in = Some(who);
        }
        for theme in ["light", "dark"] {
            browser.goes_to(&demo.house.url(path)).await;
            browser.presses(&format!("form[action='/theme'] button[value={theme}]")).await;
            browser.finds(&format!("html.theme-{theme}")).await;
            assert_eq!(browser.is_at().await, demo.house.url(path), "the theme changes and nothing else");
            if path.starts_with("/p/") && browser.client.find(fantoccini::Locator::Css("#board")).await.is_ok() {
                browser.sees("#connection .words", |words| words == "Live").await;
                let waiting = "return document.querySelectorAll('.panel[data-condition=waiting]').length";
                browser.waits_for(waiting, |count| *count == 0).await;
            }
            let at = format!("{page}, {theme}, {name}");
            let barriers = browser.barriers().await;
            assert!(barriers.is_empty(), "{at}: {barriers:#?}");
            let overflow = browser.asks("return document.documentElement.scrollWidth - window.innerWidth").await;
            assert!(overflow.as_f64().unwrap() <= 0.0, "{at} is {overflow} px wider than the screen");
            browser.pictures(&format!("{page}-{theme}-{name}")).await;
            // The log of a page that is meant to be refused has the refusal itself.
            if ["not-found", "forbidden"].contains(page) {
                browser.console_errors().await;
            }
            nothing_is_amiss(&browser, &demo.house.url("")).await;
        }
    }
    browser.closes().await;
}
