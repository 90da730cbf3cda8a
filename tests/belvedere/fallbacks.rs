//! A board's fallbacks where it cannot have an upgrade, or the server is at its limit of viewers.

use crate::harness::browser::{Browser, Screen};
use crate::harness::demo_server::{DemoServer, page};
use crate::harness::http_proxy::HttpProxy;

const FIGURE: &str = "#panel-uptime .digits";

fn public() -> String {
    format!("access = \"public\"\n{}", page("Board"))
}

#[tokio::test]
async fn a_page_behind_a_proxy_that_blocks_upgrades_is_live_over_events_and_goes_on_over_them() {
    let Some(browser) = Browser::open(Screen::Desktop).await else { return };
    let demo = DemoServer::builder().await.page("board", &public()).open().await;
    let gateway = HttpProxy::without_upgrades_to(&demo.house).await;
    browser.goes_to(&gateway.url("/p/board")).await;
    browser.asks("window.sameDocument = true").await;
    browser.sees("#connection .words", |words| words == "Live").await;
    let asked = browser.requests().await;
    assert!(asked.iter().any(|url| url.contains("/live/board")), "upgrades are tried first: {asked:#?}");
    assert!(asked.iter().any(|url| url.contains("/events/board")), "{asked:#?}");
    let first = browser.reads(FIGURE).await;
    let before = browser.sees(FIGURE, |text| text != first).await;

    gateway.closes_all();
    browser.sees(FIGURE, |text| text != before).await;
    browser.sees("#connection .words", |words| words == "Live").await;
    let asked = browser.requests().await;
    let again = asked.iter().find(|url| url.contains("/events/board")).expect("the stream is asked for again");
    assert!(again.contains("epoch=") && again.contains("seq="), "it goes on from where it was: {again}");
    assert_eq!(browser.asks("return window.sameDocument").await, true, "the page was never loaded again");
    browser.closes().await;
}

#[tokio::test]
async fn a_board_without_a_place_says_so_and_goes_on_when_there_is_one() {
    let Some(browser) = Browser::open(Screen::Desktop).await else { return };
    let demo = DemoServer::builder().await.set("live.per_address", 1).page("board", &public()).open().await;
    let other = demo.house.visitor().watches("/live/board").await.unwrap();
    browser.goes_to(&demo.house.url("/p/board")).await;
    browser.sees("#connection .words", |words| words == "Too many watch").await;
    browser.sees("#notice", |text| text.contains("goes on by itself when there is room")).await;
    drop(other);
    browser.sees("#connection .words", |words| words == "Live").await;
    let hidden = "return document.querySelector('#notice').hidden";
    browser.waits_for(hidden, |hidden| *hidden == true).await;
    browser.closes().await;
}

#[tokio::test]
async fn a_board_without_a_place_is_told_so_over_events_too() {
    let Some(browser) = Browser::open(Screen::Desktop).await else { return };
    let demo = DemoServer::builder().await.set("live.per_address", 1).page("board", &public()).open().await;
    let gateway = HttpProxy::without_upgrades_to(&demo.house).await;
    let _other = demo.house.visitor().watches("/live/board").await.unwrap();
    browser.goes_to(&gateway.url("/p/board")).await;
    browser.sees("#connection .words", |words| words == "Too many watch").await;
    browser.closes().await;
}
