//! Charts that nobody sees cost nothing, and those that somebody sees are of now.

use serde_json::Value;

use crate::harness::browser::{Browser, Screen};
use crate::harness::demo_server::DemoServer;

/// More charts beneath one another than a screen has room for.
fn tall_page() -> String {
    let charts = (1..=12).map(|n| {
        format!(
            "\n[[panel]]\nid = \"chart-{n}\"\ntitle = \"Chart {n}\"\nkind = \"line\"\nspan = 12\nsource = \"clock\"\n\
             query = \"day UTC\"\nevery = \"100ms\"\nwindow = \"1m\"\n"
        )
    });
    format!("title = \"Tall\"\naccess = \"public\"\n{}", charts.collect::<String>())
}

#[tokio::test]
async fn a_chart_is_drawn_when_it_comes_into_view_and_then_goes_on() {
    let Some(browser) = Browser::open(Screen::Desktop).await else { return };
    let demo = DemoServer::builder().await.page("tall", &tall_page()).open().await;
    browser.goes_to(&demo.house.url("/p/tall")).await;
    let drawn = "return document.querySelectorAll('.plot canvas').length";
    browser.waits_for(drawn, |count| count.as_u64() > Some(0)).await;
    browser.sees("#panel-chart-1 .legend b", |figure| !figure.is_empty()).await;
    let last = "return document.querySelector('#panel-chart-12 canvas')?.toDataURL() ?? null";
    assert_eq!(browser.asks(last).await, Value::Null, "nobody sees it");

    browser.asks("document.querySelector('#panel-chart-12').scrollIntoView()").await;
    let before = browser.waits_for(last, Value::is_string).await;
    browser.waits_for(last, |now| *now != before).await;
    let still = "return document.querySelector('#panel-chart-12 .still')";
    assert_eq!(browser.asks(still).await, Value::Null, "the server's picture has made way");
    assert!(browser.console_errors().await.is_empty());
    browser.closes().await;
}
