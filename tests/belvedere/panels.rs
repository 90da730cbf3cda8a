//! Kinds of panels: each has all that belongs to one, and a browser paints of a view what the server paints of it.

use std::path::Path;

use belvedere::panels::{PANEL_KINDS, PanelKind};
use serde_json::{Value, json};

use crate::harness::browser::{Browser, Screen};
use crate::harness::demo_server::DemoServer;
use crate::harness::json_server::JsonServer;

/// Keys that panels with a source have beside those of their kind.
const COMMON_KEYS: [&str; 2] =
    ["", "unit = \"percent\"\nthresholds = [{ at = 80, state = \"warn\" }, { at = 95, state = \"bad\" }]\n"];

/// Readings of every shape, by the query that asks for them.
fn readings() -> Value {
    let lines: Vec<_> = (0..10).map(|at| json!({ "label": format!("line {at}"), "value": at * 11 })).collect();
    json!({
        "number": 41.5,
        "critical": 96,
        "one": { "only": 100 },
        "labelled": { "a": 0, "b": 85.25, "c": null, "<i>d</i>": 1234.5 },
        "many": lines,
        "states": [{ "label": "shop", "state": "bad", "note": "503 & more" }, { "label": "pay", "state": "good" }],
        "table": [
            { "name": "<b>init</b>", "cpu": 0.5, "state": "up" },
            { "name": "db", "cpu": 97, "state": "down" },
            { "name": "", "cpu": null, "state": "warn" },
        ],
        "text": "closed <today>",
        "nothing": [],
    })
}

/// A page with every sample panel of a kind on every reading.
fn page_of(kind: &PanelKind) -> String {
    let queries = readings().as_object().unwrap().keys().map(|name| format!(".{name}")).collect::<Vec<_>>();
    let queries = if kind.has_source { queries } else { vec![String::new()] };
    let mut page = format!("title = \"{}\"\naccess = \"public\"\n", kind.word);
    for (number, sample) in kind.samples.iter().enumerate() {
        for (at, query) in queries.iter().enumerate() {
            for (set, common) in COMMON_KEYS.iter().enumerate() {
                let source = format!("source = \"data\"\nquery = \"{query}\"\nevery = \"100ms\"\n{common}");
                let source = if kind.has_source { source.as_str() } else { "" };
                let id = format!("p-{number}-{at}-{set}");
                let kind = kind.word;
                let panel = format!("\n[[panel]]\nid = \"{id}\"\ntitle = \"P\"\nkind = \"{kind}\"\n{source}{sample}\n");
                page.push_str(&panel);
            }
        }
    }
    page
}

/// Fetches this page until each panel has had two readings, paints every view into an empty panel and over each other view,
/// and compares that with the server's HTML. Returns how many views there were, and the differences.
///
/// Not compared are white space, the spelling of numbers (`100.0` is `100`), elements that are hidden, which the server leaves
/// out, and the inside of a chart's plot, where the browser draws on a canvas.
const COMPARE: &str = r#"
    const [kind, done] = arguments;
    const load = async () => {
        const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
        return { page, frames: JSON.parse(page.getElementById("live-data").textContent).panels };
    };
    const loadUntil = async (isRight) => {
        for (;;) {
            const loaded = await load();
            if (Object.entries(loaded.frames).every(([id, frame]) => isRight(id, frame))) return loaded;
        }
    };
    const canonical = (node) => {
        if (node.nodeType === Node.TEXT_NODE) return node.data.trim().replace(/\s+/g, " ");
        if (node.nodeType !== Node.ELEMENT_NODE || node.hidden) return "";
        const value = (attribute) => attribute.value.replace(/(\d)\.0(?=\D|$)/g, "$1");
        const attributes = [...node.attributes].map((attribute) => ` ${attribute.name}="${value(attribute)}"`).sort();
        const children = node.matches(".plot") ? [] : [...node.childNodes].map(canonical).filter(Boolean);
        return `<${node.localName}${attributes.join("")}>${children.join("")}</${node.localName}>`;
    };
    (async () => {
        const script = [...document.querySelectorAll("link[rel=modulepreload]")].find((link) => link.href.endsWith(`/${kind}.js`));
        const { paint } = await import(script.href);
        const first = await loadUntil((id, frame) => frame.view || frame.trouble);
        const { page, frames } = await loadUntil((id, frame) => frame.trouble || !frame.at || frame.at > first.frames[id].at);
        const views = Object.entries(frames).filter(([, frame]) => frame.view).map(([id, { view }]) => [id, view]);
        const differences = [];
        for (const [id, view] of views) {
            const section = document.adoptNode(page.getElementById(`panel-${id}`));
            document.body.append(section);
            const body = section.querySelector(".body");
            const server = canonical(body);
            body.replaceChildren();
            for (const [before, other] of [["nothing", null], ...views]) {
                if (other) paint(body, structuredClone(other));
                paint(body, structuredClone(view));
                const browser = canonical(body);
                if (browser !== server) differences.push({ id, before, view, server, browser });
            }
            section.remove();
        }
        return { views: views.length, differences };
    })().then(done, (error) => done({ views: 0, differences: [String(error)] }));
"#;

#[test]
fn every_kind_has_its_source_its_template_its_script_and_its_stylesheet() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for kind in PANEL_KINDS {
        for (folder, extension) in
            [("src/panels", "rs"), ("templates/panels", "html.tera"), ("static/js/panels", "js"), ("static/css/panels", "css")]
        {
            let path = root.join(folder).join(format!("{}.{extension}", kind.word));
            assert!(path.is_file(), "there is no {}", path.display());
        }
        for path in kind.styles().chain(kind.scripts()).filter(|path| !path.starts_with("vendor/")) {
            assert!(root.join("static").join(&path).is_file(), "there is no static/{path}");
        }
        assert!(!kind.samples.is_empty(), "{kind:?} has no sample to be tried with");
    }
}

#[tokio::test]
async fn a_browser_paints_of_every_view_what_the_server_paints_of_it() {
    let Some(browser) = Browser::open_for_long(Screen::Desktop).await else { return };
    let data = JsonServer::start(readings()).await;
    let builder = DemoServer::builder().await.set("sources.data.kind", "http").set("sources.data.url", data.url("/"));
    let demo = PANEL_KINDS.iter().fold(builder, |builder, kind| builder.page(kind.word, &page_of(kind))).open().await;
    for kind in PANEL_KINDS {
        browser.goes_to(&demo.house.url(&format!("/p/{}", kind.word))).await;
        let found = browser.client.execute_async(COMPARE, vec![json!(kind.word)]).await.unwrap();
        let differences = found["differences"].as_array().unwrap();
        assert!(differences.is_empty(), "{kind:?}: {} of them, the first is {:#}", differences.len(), differences[0]);
        assert!(found["views"].as_u64() > Some(0), "no sample of {kind:?} shows anything");
    }
    browser.closes().await;
}

/// A page of every kind that is judged, on one number.
fn judged_page() -> String {
    let panels = [
        ("line", ".load"),
        ("bar", ".load"),
        ("stat", ".load.cpu"),
        ("gauge", ".load.cpu"),
        ("states", ".load"),
        ("table", ".table"),
    ];
    let panel = |(kind, query): (&str, &str)| {
        format!(
            "\n[[panel]]\nid = \"{kind}\"\ntitle = \"By {kind}\"\nkind = \"{kind}\"\nspan = 4\nsource = \"data\"\nquery = \"{query}\"\n\
             every = \"100ms\"\n{}",
            COMMON_KEYS[1]
        )
    };
    format!("title = \"Judged\"\naccess = \"public\"\n{}", panels.map(panel).concat())
}

#[tokio::test]
async fn every_kind_says_on_its_panel_in_the_title_and_to_ears_what_needs_a_look_and_nothing_when_all_is_well() {
    let load = |cpu: f64| json!({ "load": { "cpu": cpu, "idle": 1 }, "table": [{ "name": "db", "cpu": cpu }] });
    let data = JsonServer::start(load(98.0)).await;
    let builder = DemoServer::builder().await.set("sources.data.kind", "http").set("sources.data.url", data.url("/"));
    let demo = builder.page("judged", &judged_page()).open().await;
    // Without a script, too: what needs a look stands in the first paint.
    let html = demo
        .house
        .visitor()
        .opens_until("/p/judged", |answer| answer.body.matches("data-condition=\"fresh\"").count() == 6)
        .await;
    assert!(html.body.contains("<title>✕ 6 problems · Judged"), "{}", html.body);
    assert_eq!(html.body.matches("data-condition=\"fresh\" data-state=\"bad\"").count(), 6);
    for (screen, name) in [(Screen::Desktop, "desktop"), (Screen::Phone, "phone")] {
        let Some(browser) = Browser::open(screen).await else { return };
        data.answers(load(98.0));
        browser.goes_to(&demo.house.url("/p/judged")).await;
        browser.sees("#connection .words", |words| words == "Live").await;
        browser
            .waits_for("return document.title", |title| title.as_str().unwrap().starts_with("✕ 6 problems · Judged · Live"))
            .await;
        let marks = "return [...document.querySelectorAll('.panel')].map((panel) => [panel.dataset.state, \
                     [...panel.querySelectorAll('.panel-head > .mark, .stat .mark, .gauge .mark')].map((mark) => mark.hidden ? '' : mark.textContent).join()])";
        let critical = json!(vec![["bad", "critical"]; 6]);
        browser.waits_for(marks, |marks| *marks == critical).await;
        for theme in ["light", "dark"] {
            browser.presses(&format!("form[action='/theme'] button[value={theme}]")).await;
            browser.finds(&format!("html.theme-{theme}")).await;
            browser.waits_for("return document.querySelectorAll('.plot canvas').length", |plots| *plots == 1).await;
            let barriers = browser.barriers().await;
            assert!(barriers.is_empty(), "{theme}, {name}: {barriers:#?}");
            browser.pictures(&format!("judged-{theme}-{name}")).await;
        }
        data.answers(load(5.0));
        let silent = json!(vec![["", ""]; 6]);
        browser.waits_for(marks, |marks| *marks == silent).await;
        browser.waits_for("return document.title", |title| title.as_str().unwrap().starts_with("Judged · Live")).await;
        browser.sees_hidden("#announcer", |text| text.contains("is well again")).await;
        data.answers(load(81.0));
        browser.sees_hidden("#announcer", |text| text.contains("By ") && text.contains(": high")).await;
        browser.closes().await;
    }
}
