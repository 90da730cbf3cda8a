//! Figures: a number is never broken, never leaves its panel, and is read exactly; and a value read off a chart is never nothing
//! where it is something.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::harness::browser::{Browser, Screen};
use crate::harness::demo_server::DemoServer;
use crate::harness::json_server::JsonServer;

/// Numbers of every length, each with the keys that its panel has.
const NUMBERS: &[(&str, f64, &str)] = &[
    ("small", 7.0, ""),
    ("percent", 86.4, "unit = \"percent\""),
    ("million", 1_234_567.0, ""),
    ("billions", 123_456_789_012.0, "unit = \"EUR\""),
    ("debt", -123_456_789_012.5, "decimals = 2"),
    ("exact", 0.123_456_789, "decimals = 9"),
    ("bytes", 1.5e21, "unit = \"bytes\""),
    ("uptime", 31_530_000.0, "unit = \"seconds\""),
    ("minutes", 2_126.0, "unit = \"seconds\""),
    ("astronomic", -1.5e300, ""),
    ("rate", 123_456_789.0, "unit = \"requests a second\""),
];

/// A page of every number as a stat and as a gauge, from the narrowest panel to a wide one.
fn page() -> String {
    let mut page = "title = \"Figures\"\naccess = \"public\"\n".to_owned();
    for span in [1, 2, 3, 6] {
        for (name, _, keys) in NUMBERS {
            for (kind, own) in [("stat", ""), ("gauge", "min = -1e22\nmax = 1e22")] {
                let _ = write!(
                    page,
                    "\n[[panel]]\nid = \"{kind}-{name}-{span}\"\ntitle = \"N\"\nkind = \"{kind}\"\nspan = {span}\nsource = \"data\"\n\
                     query = \".{name}\"\nevery = \"1s\"\n{own}\n{keys}\n"
                );
            }
        }
    }
    page
}

/// The figures that are broken over lines, or of which a part is outside of their panel, or nothing is seen.
const AMISS: &str = r#"
    const amiss = [];
    for (const figure of document.querySelectorAll(".figure")) {
        const panel = figure.closest(".panel");
        const edge = panel.getBoundingClientRect();
        const shown = [...figure.querySelectorAll(".digits, .short")].filter((part) => parseFloat(getComputedStyle(part).fontSize) > 1);
        if (shown.length !== 1) amiss.push(`${panel.id} shows ${shown.length} numbers`);
        for (const part of shown) {
            const range = document.createRange();
            range.selectNodeContents(part);
            const lines = new Set([...range.getClientRects()].map((line) => Math.round(line.top)));
            if (lines.size !== 1) amiss.push(`${panel.id} breaks ${part.textContent} into ${lines.size}`);
            const box = range.getBoundingClientRect();
            if (box.left < edge.left || box.right > edge.right) amiss.push(`${panel.id}: ${part.textContent} is outside`);
        }
    }
    return amiss;
"#;

#[tokio::test]
async fn a_number_is_never_broken_and_never_leaves_its_panel() {
    let values: serde_json::Map<_, _> = NUMBERS.iter().map(|(name, value, _)| ((*name).to_owned(), json!(value))).collect();
    let data = JsonServer::start(Value::Object(values)).await;
    let builder = DemoServer::builder().await.set("sources.data.kind", "http").set("sources.data.url", data.url("/"));
    let demo = builder.page("figures", &page()).open().await;
    for (screen, widths) in [(Screen::Desktop, &[1440, 1030, 800, 2560][..]), (Screen::Phone, &[390])] {
        let Some(browser) = Browser::open(screen).await else { return };
        for width in widths {
            if matches!(screen, Screen::Desktop) {
                browser.client.set_window_size(*width, 900).await.unwrap();
            }
            browser.goes_to(&demo.house.url("/p/figures")).await;
            browser.sees("#connection .words", |words| words == "Live").await;
            let empty = "return [...document.querySelectorAll('.panel[data-kind=stat], .panel[data-kind=gauge]')]
                .filter((panel) => !panel.querySelector('.figure')?.textContent.trim()).length";
            browser.waits_for(empty, |left| *left == 0).await;
            let amiss = browser.asks(AMISS).await;
            assert_eq!(amiss, json!([]), "at {width} px: {amiss:#}");
            browser.pictures(&format!("figures-{width}")).await;
        }
        // In its narrowest panel, a number is short to the eye, exact under the pointer, and exact to ears.
        if matches!(screen, Screen::Desktop) {
            browser.client.set_window_size(1440, 900).await.unwrap();
            let narrow = "#panel-stat-billions-1 .figure";
            browser.sees(&format!("{narrow} .short"), |text| text == "123 bn").await;
            let title = format!("return document.querySelector('{narrow}').title");
            assert_eq!(browser.asks(&title).await, "123,456,789,012 EUR");
            browser.sees("#panel-stat-billions-6 .digits", |text| text == "123,456,789,012").await;
            let heard = browser.commands("Accessibility.getFullAXTree", json!({})).await.to_string();
            assert!(heard.contains("123,456,789,012") && !heard.contains("123 bn"), "what is too wide is still read out whole");
        }
        browser.closes().await;
    }
}

#[tokio::test]
async fn beside_a_peak_a_few_bytes_are_not_nothing() {
    let Some(browser) = Browser::open(Screen::Desktop).await else { return };
    let data = JsonServer::start(json!({ "in": { "peak": 52_428_800, "trickle": 300, "still": 0 } })).await;
    let page = "title = \"Network\"\naccess = \"public\"\n[[panel]]\nid = \"in\"\ntitle = \"Network in\"\nkind = \"line\"\nspan = 12\n\
                source = \"data\"\nquery = \".in\"\nevery = \"100ms\"\nwindow = \"1m\"\nunit = \"bytes/s\"\n";
    let builder = DemoServer::builder().await.set("sources.data.kind", "http").set("sources.data.url", data.url("/"));
    let demo = builder.page("network", page).open().await;
    browser.goes_to(&demo.house.url("/p/network")).await;
    browser.waits_for("return document.querySelectorAll('.u-over').length", |plots| *plots == 1).await;
    // At the right edge, where the newest points are.
    let point = "const over = document.querySelector('.u-over'), box = over.getBoundingClientRect();
        for (const kind of ['mouseenter', 'mousemove'])
            over.dispatchEvent(new MouseEvent(kind, { clientX: box.right - 2, clientY: box.top + 20, bubbles: true }));
        return [...document.querySelectorAll('.reader li b')].map((value) => value.textContent);";
    let read = browser.waits_for(point, |values| values.as_array().is_some_and(|values| values.len() == 3)).await;
    assert_eq!(read, json!(["50.0 MiB/s", "300 B/s", "0 B/s"]));
    browser.pictures("crosshair").await;
    browser.closes().await;
}

#[tokio::test]
async fn a_long_text_pushes_no_state_out_of_sight() {
    let (long, prose) = ("x".repeat(180), "a note of many words ".repeat(9));
    let rows = json!([{ "name": long, "note": prose, "state": "down" }, { "name": "db", "note": "", "state": "up" }]);
    let data = JsonServer::start(json!({ "rows": rows })).await;
    let panel = |kind: &str, span: u8| {
        format!(
            "\n[[panel]]\nid = \"{kind}-{span}\"\ntitle = \"N\"\nkind = \"{kind}\"\nspan = {span}\nsource = \"data\"\nquery = \".rows\"\n\
             every = \"1s\"\n"
        )
    };
    let panels = [panel("states", 3), panel("states", 12), panel("table", 6), panel("table", 12)].concat();
    let builder = DemoServer::builder().await.set("sources.data.kind", "http").set("sources.data.url", data.url("/"));
    let demo = builder.page("long", &format!("title = \"Long\"\naccess = \"public\"\n{panels}")).open().await;
    // On a phone a table scrolls sideways.
    for (screen, kinds, count) in [(Screen::Desktop, ".panel", 8), (Screen::Phone, ".panel[data-kind=states]", 4)] {
        let Some(browser) = Browser::open(screen).await else { return };
        browser.goes_to(&demo.house.url("/p/long")).await;
        let states = format!("return document.querySelectorAll('{kinds} :is(li, td) .mark').length");
        browser.waits_for(&states, |found| *found == count).await;
        let outside = format!(
            "return [...document.querySelectorAll('{kinds} :is(li, td) .mark')].filter((mark) => {{
                const [box, edge] = [mark, mark.closest('.panel')].map((element) => element.getBoundingClientRect());
                return box.width === 0 || box.left < edge.left || box.right > edge.right;
            }}).map((mark) => mark.closest('.panel').id)"
        );
        let outside = browser.asks(&outside).await;
        assert_eq!(outside, json!([]), "{outside:#}");
        browser.pictures("long").await;
        browser.closes().await;
    }
}
