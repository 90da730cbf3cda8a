//! Pages: the samples, choices, edits that show at once, and addresses that lead nowhere.

use reqwest::StatusCode;
use serde_json::json;

use crate::harness::demo_server::{DemoServer, page};
use crate::harness::visitor::Response;

/// Every sample page with each of its choices, and somebody who may open it; `""` has no account.
const SAMPLES: &[(&str, &str)] = &[
    ("", "/p/welcome"),
    ("", "/p/cities"),
    ("", "/p/cities?city=NYC"),
    ("", "/p/cities?city=MTL"),
    ("carol", "/p/this-machine"),
    ("carol", "/p/colours"),
    ("carol", "/p/colours?colour=Blue"),
    ("carol", "/p/colours?colour=Red"),
    ("alice", "/p/operations"),
    ("carol", "/p/web-service"),
];

const CITIES: &str = r#"
title = "Cities"
access = "public"

[[input]]
name = "city"
kind = "dropdown"
options = ["LA", "NYC", "MTL"]

[[panel]]
id = "choice"
kind = "text"
text = "You have selected **{city}**"
"#;

/// A page for everybody.
pub(crate) fn public(title: &str) -> String {
    format!("access = \"public\"\n{}", page(title))
}

#[tokio::test]
async fn every_panel_of_the_sample_pages_comes_alive() {
    let demo = DemoServer::builder().await.sample_pages().open().await;
    for (who, path) in SAMPLES {
        let mut visitor = demo.house.visitor();
        if !who.is_empty() {
            visitor.signs_in(who, demo.password(who)).await;
        }
        let alive = |answer: &Response| {
            let panels = answer.body.matches("<section class=\"panel").count();
            answer.status == StatusCode::OK && panels > 0 && answer.body.matches("data-condition=\"fresh\"").count() == panels
        };
        visitor.opens_until(path, alive).await;
        let json = visitor.fetches(&path.replace("/p/", "/api/v1/pages/")).await.json();
        for (id, panel) in json["panels"].as_object().unwrap() {
            assert!(!panel["view"].is_null() && panel["trouble"].is_null(), "{id} of {path}: {panel}");
        }
    }
}

#[tokio::test]
async fn what_is_chosen_is_selected_and_said() {
    let demo = DemoServer::builder().await.sample_pages().open().await;
    let mut visitor = demo.house.visitor();
    let nyc = visitor.opens("/p/cities?city=NYC").await.body;
    assert!(nyc.contains("<option value=\"NYC\" selected>") && nyc.contains("You have selected <strong>NYC</strong>"), "{nyc}");
    assert!(nyc.contains("data-live-url=\"&#x2F;live&#x2F;cities?city=NYC\""), "the socket goes on with the same choice");
    visitor.signs_in("carol", demo.password("carol")).await;
    let red = visitor.opens("/p/colours?colour=Red").await.body;
    assert!(red.contains("value=\"Red\" checked") && red.contains("You have selected <strong>Red</strong>"), "{red}");
}

#[tokio::test]
async fn a_value_that_is_no_option_is_refused_with_the_options_and_other_names_are_nobody_s() {
    let demo = DemoServer::builder().await.page("cities", CITIES).open().await;
    let mut visitor = demo.house.visitor();
    let refused = visitor.opens("/p/cities?city=%3Cscript%3EParis").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.body.contains("it offers LA, NYC, MTL"), "{}", refused.body);
    assert!(!refused.body.contains("<script>Paris"), "{}", refused.body);
    for path in ["/api/v1/pages/cities?city=Paris", "/events/cities?city=Paris"] {
        let refused = visitor.fetches(path).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(refused.json()["error"]["message"].as_str().unwrap().contains("LA, NYC, MTL"), "{path}");
    }
    let page = visitor.opens("/p/cities?utm_source=mail&city=NYC&CITY=Paris&=&x").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("You have selected <strong>NYC</strong>"), "{}", page.body);
}

#[tokio::test]
async fn an_edited_page_shows_without_a_restart_and_a_bad_edit_leaves_it_running() {
    let builder = DemoServer::builder().await.set("admins.groups", json!(["dash-admins"])).page("board", &public("Before"));
    let demo = builder.open().await;
    let (mut visitor, mut grace, mut carol) = (demo.house.visitor(), demo.house.visitor(), demo.house.visitor());
    grace.signs_in("grace", demo.password("grace")).await;
    carol.signs_in("carol", demo.password("carol")).await;
    assert_eq!(visitor.opens("/p/board").await.heading().as_deref(), Some("Before"));

    demo.house.write_page("board", &public("After"));
    visitor.opens_until("/p/board", |page| page.heading().as_deref() == Some("After")).await;

    demo.house.write_page("board", &public("Bad").replace("kind = \"stat\"", "kind = \"pie\""));
    let admin = grace.opens_until("/admin", |admin| admin.body.contains("board.toml:7:8")).await;
    assert!(admin.body.contains("<span class=\"line-number\">7</span>kind = &quot;pie&quot;"), "{}", admin.body);
    let page = visitor.opens("/p/board").await;
    assert_eq!(page.heading().as_deref(), Some("After"), "the page as it was runs on");
    for (who, visitor) in [("carol", &mut carol), ("a stranger", &mut visitor)] {
        assert!(!visitor.opens("/p/board").await.body.contains("pie"), "a fault is none of the business of {who}");
    }
    assert_eq!(carol.opens("/admin").await.status, StatusCode::FORBIDDEN);
    assert_eq!(visitor.opens("/admin").await.location.as_deref(), Some("/login?next=%2Fadmin"));

    demo.house.write_page("board", &public("Mended"));
    grace.opens_until("/admin", |admin| !admin.body.contains("board.toml:7")).await;
    assert_eq!(visitor.opens("/p/board").await.heading().as_deref(), Some("Mended"));
}

#[tokio::test]
async fn an_edit_that_shuts_the_door_shuts_it_at_once() {
    let demo = DemoServer::builder().await.page("board", &public("Board")).open().await;
    let mut visitor = demo.house.visitor();
    assert_eq!(visitor.opens("/p/board").await.status, StatusCode::OK);
    demo.house.write_page("board", &page("Board"));
    visitor.opens_until("/p/board", |answer| answer.status == StatusCode::SEE_OTHER).await;
}

#[tokio::test]
async fn a_new_page_is_in_the_bar_and_a_removed_one_is_nowhere() {
    let demo = DemoServer::builder().await.page("old", &public("Old")).open().await;
    let mut visitor = demo.house.visitor();
    let in_the_bar = |home: &Response, slug: &str| home.body.contains(&format!("<a href=\"&#x2F;p&#x2F;{slug}\""));
    demo.house.write_page("new", &public("New"));
    let home = visitor.opens_until("/", |home| in_the_bar(home, "new")).await;
    assert!(in_the_bar(&home, "old"));
    demo.house.remove_page("old");
    let home = visitor.opens_until("/", |home| !in_the_bar(home, "old")).await;
    assert!(in_the_bar(&home, "new"));
    assert_eq!(visitor.opens("/p/old").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_a_page_for_people_and_an_object_for_scripts() {
    let demo = DemoServer::builder().await.page("board", &public("Board")).open().await;
    let mut visitor = demo.house.visitor();
    for path in ["/nowhere", "/p/nowhere", "/p/board/more", "/p/%3Cscript%3E", "/static/nowhere.css", "/p/%ff", "/admin/x"] {
        let page = visitor.opens(path).await;
        assert_eq!((page.status, page.heading().as_deref()), (StatusCode::NOT_FOUND, Some("Nothing here")), "{path}");
        assert!(page.header("Content-Type").unwrap().starts_with("text/html"), "{path}");
        assert!(page.body.contains("&#x2F;p&#x2F;board") && !page.body.contains("<script>"), "{path}: {}", page.body);
        let object = visitor.fetches(path).await;
        assert_eq!((object.status, &object.json()["error"]["code"]), (StatusCode::NOT_FOUND, &json!("not-found")), "{path}");
    }
    // Whatever a script says it takes, the API speaks JSON.
    let object = visitor.opens("/api/v1/nowhere").await;
    assert_eq!(object.json()["error"]["status"], 404);
    let object = visitor.opens("/api/v1/pages/nowhere").await;
    assert_eq!(object.json()["error"]["code"], "not-found");
}

#[tokio::test]
async fn a_folder_that_is_replaced_whole_is_noticed() {
    let demo = DemoServer::builder().await.page("board", &public("Board")).open().await;
    let mut visitor = demo.house.visitor();
    let folder = demo.house.folder.path();
    std::fs::rename(folder.join("pages"), folder.join("pages.old")).unwrap();
    std::fs::create_dir(folder.join("pages")).unwrap();
    demo.house.write_page("fresh", &public("Fresh"));
    let there = visitor.opens_until("/p/fresh", |answer| answer.status == StatusCode::OK).await;
    assert!(there.body.contains("Fresh"));
}
