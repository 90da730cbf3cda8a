#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::SystemClock;
use crate::sources::filter_workers::tests::on_threads;
use crate::sources::http_client::tests::mock_server::{MockHttpServer, MockReply, answer, settings};
use crate::sources::settings::tests::read as read_toml;

fn opened(settings: HttpClientSettings) -> Box<dyn Source> {
    opened_with(settings, &[], None)
}

fn opened_with(client: HttpClientSettings, paths: &[&str], body: Option<&str>) -> Box<dyn Source> {
    let paths = paths.iter().map(|path| path.parse().unwrap()).collect();
    let method = if body.is_some() { Method::Post } else { Method::Get };
    let body = body.map(|body| body.parse().unwrap());
    let settings = HttpSettings { client, format: DocumentFormat::Json, paths, method, body, pagination: one_page() };
    settings.open(&(Arc::new(SystemClock) as _), &on_threads()).unwrap()
}

fn one_page() -> Pagination {
    Pagination { max_pages: 1, cursor: None }
}

async fn fetch(settings: HttpClientSettings, filter: &str, values: &[(&str, &str)]) -> Result<Reading, String> {
    opened(settings).execute(&query(filter, values)).await.map_err(|error| error.to_string())
}

fn query(filter: &str, values: &[(&str, &str)]) -> BoundQuery {
    let bindings = values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    BoundQuery { source: "stock".parse().unwrap(), text: filter.to_owned(), bindings }
}

#[tokio::test]
async fn a_number_is_fetched_with_the_admins_headers() {
    let server = MockHttpServer::of(r#"{"price":4.5}"#).await;
    let url = format!("http://127.0.0.1:{}/price", server.port);
    assert_eq!(fetch(settings(&url), ".price", &[]).await, Ok(Reading::Number(4.5)));
    let head = server.requests.lock().unwrap()[0].to_lowercase();
    assert!(head.contains("x-api-key: hunter2") && head.contains("accept: application/json"), "{head}");
    assert!(head.contains("user-agent: belvedere/") && head.contains("accept-encoding: gzip"), "{head}");
}

#[tokio::test]
async fn a_query_may_ask_for_a_path_that_the_admin_allows_below_the_url() {
    let server = MockHttpServer::of(r#"{"items":[1,2]}"#).await;
    let settings = settings(&format!("http://127.0.0.1:{}/api?key=1", server.port));
    let source = opened_with(settings, &["/jobs", "/builds/"], None);
    let asked = async |text: &str| source.execute(&query(text, &[("city", "a/../b")])).await.map_err(|error| error.to_string());
    assert_eq!(asked(".items[0]").await, Ok(Reading::Number(1.0)));
    assert_eq!(asked("/jobs | .items[1]").await, Ok(Reading::Number(2.0)));
    assert_eq!(asked("/builds/{city}?q={city} | .items | length").await, Ok(Reading::Number(2.0)));
    for elsewhere in ["/admin", "/jobs/1 | .", "/builds/../admin | .", "/builds/%2e%2e/admin | .", "/jobs2 | .", "/{city} | ."]
    {
        assert!(source.check(elsewhere).is_err() && asked(elsewhere).await.is_err(), "{elsewhere}");
    }
    assert_eq!(
        server.first_lines(),
        ["GET /api?key=1 HTTP/1.1", "GET /api/jobs?key=1 HTTP/1.1", "GET /api/builds/a%2F..%2Fb?key=1&q=a%2F..%2Fb HTTP/1.1",]
    );
    let used: Vec<_> = source.check("/builds/{city.zone} | .[$city]").unwrap().into_iter().map(|used| used.key).collect();
    assert_eq!(used, ["city.zone", "city"]);
    let documents = source.documents().unwrap();
    let request = |text: &str| documents.request(&query(text, &[("city", "a")])).unwrap();
    assert!(request("/jobs | .items") == request("/jobs | .[$city]"), "one fetch for all that read it");
    assert!(request("/jobs | .items") != request("/builds/ | .items"));
}

#[tokio::test]
async fn a_body_is_posted_with_the_values_bound() {
    let server = MockHttpServer::of(r#"{"data":{"count":3}}"#).await;
    let body = r#"{"query":"query($c: String) { count(city: $c) }","variables":{"c":"{city}"}}"#;
    let source = opened_with(settings(&format!("http://127.0.0.1:{}/graphql", server.port)), &[], Some(body));
    let hostile = "\", \"admin\": \"yes";
    assert_eq!(source.execute(&query(".data.count", &[("city", hostile)])).await, Ok(Reading::Number(3.0)));
    let request = server.requests.lock().unwrap()[0].clone();
    let (head, sent) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /graphql ") && head.to_lowercase().contains("content-type: application/json"), "{head}");
    let sent: serde_json::Value = serde_json::from_str(sent).unwrap();
    assert_eq!(sent["variables"], serde_json::json!({ "c": hostile }));
    assert_eq!(source.check(".data").unwrap()[0].key, "city");
    let documents = source.documents().unwrap();
    let request = |city: &str| documents.request(&query(".", &[("city", city)])).unwrap();
    assert!(request("LA") != request("NYC") && request("LA") == request("LA"));
}

#[tokio::test]
async fn the_pages_of_an_answer_are_an_array_within_limits() {
    let server = MockHttpServer::start(None, |head| {
        let page = |number: u32, link: &str| {
            let body = format!("{{\"items\":[{number}],\"next\":\"c&{number}\"}}");
            MockReply::Bytes(answer("200 OK", link, body.as_bytes()))
        };
        match head.split(' ').nth(1).unwrap() {
            "/jobs" => page(1, "Link: </jobs?page=2>; rel=\"next\"\r\n"),
            "/away" => page(1, "Link: <http://127.0.0.2:1/>; rel=next\r\n"),
            "/by?a=1&after=c%262" => MockReply::Bytes(answer("200 OK", "", b"{\"items\":[1],\"next\":null}")),
            path if path.starts_with("/endless") => page(1, "Link: </endless>; rel=next\r\n"),
            _ => page(2, ""),
        }
    })
    .await;
    let ask = async |path: &str, cursor: Option<(&str, &str)>| {
        let client = settings(&format!("http://127.0.0.1:{}{path}", server.port));
        let cursor = cursor.map(|(pointer, parameter)| (pointer.parse().unwrap(), parameter.to_owned()));
        let pagination = Pagination { max_pages: 3, cursor };
        let settings = HttpSettings {
            client,
            format: DocumentFormat::Json,
            paths: Vec::new(),
            method: Method::Get,
            body: None,
            pagination,
        };
        let source = settings.open(&(Arc::new(SystemClock) as _), &on_threads()).unwrap();
        source.execute(&query("[.[].items[]] | add", &[])).await
    };
    assert_eq!(ask("/jobs", None).await, Ok(Reading::Number(3.0)));
    assert_eq!(ask("/by?a=1", Some(("/next", "after"))).await, Ok(Reading::Number(3.0)), "the cursor is sent encoded");
    assert!(matches!(ask("/endless", None).await, Err(SourceError::TooLarge(why)) if why.contains("more than 3 pages")));
    assert!(matches!(ask("/away", None).await, Err(SourceError::Broken(_))), "no header may reach another host");
}

#[tokio::test]
async fn a_server_that_has_several_formats_is_told_which_is_wanted() {
    for (keys, accepted) in [
        ("format = \"json\"", "application/json"),
        ("format = \"csv\"", "text/csv, */*;q=0.1"),
        ("format = \"text\"", "text/plain, */*;q=0.1"),
        ("format = \"csv\"\nheaders = { Accept = \"text/x-rows\" }", "text/x-rows"),
    ] {
        let server = MockHttpServer::of("1").await;
        let url = format!("http://127.0.0.1:{}/", server.port);
        let toml = format!("[default.sources.stock]\nkind = \"http\"\nurl = \"{url}\"\n{keys}\n");
        let source = read_toml(&toml).unwrap().0[0].open(&(Arc::new(SystemClock) as _), &on_threads()).unwrap();
        source.execute(&query(".", &[])).await.unwrap();
        let head = server.requests.lock().unwrap()[0].to_lowercase();
        assert!(head.contains(&format!("accept: {accepted}")), "{head}");
    }
}

#[tokio::test]
async fn chosen_values_arrive_as_one_segment_and_one_query_value() {
    let server = MockHttpServer::of("1").await;
    let url = format!("http://127.0.0.1:{}/items/{{city}}/price?q={{city}}&key=1", server.port);
    for escape in ["a/../../b", "%2f", "a&key=2", "a#b", "a?b", "Zürich HB", "a\r\nX-Evil: 1"] {
        assert_eq!(fetch(settings(&url), ".", &[("city", escape)]).await, Ok(Reading::Number(1.0)), "{escape}");
    }
    assert_eq!(
        server.first_lines(),
        [
            "GET /items/a%2F..%2F..%2Fb/price?q=a%2F..%2F..%2Fb&key=1 HTTP/1.1",
            "GET /items/%252f/price?q=%252f&key=1 HTTP/1.1",
            "GET /items/a%26key%3D2/price?q=a%26key%3D2&key=1 HTTP/1.1",
            "GET /items/a%23b/price?q=a%23b&key=1 HTTP/1.1",
            "GET /items/a%3Fb/price?q=a%3Fb&key=1 HTTP/1.1",
            "GET /items/Z%C3%BCrich%20HB/price?q=Z%C3%BCrich%20HB&key=1 HTTP/1.1",
            "GET /items/a%0D%0AX-Evil%3A%201/price?q=a%0D%0AX-Evil%3A%201&key=1 HTTP/1.1",
        ]
    );
    assert!(fetch(settings(&url), ".", &[("city", "..")]).await.unwrap_err().contains("'.' or '..'"));
    assert_eq!(server.first_lines().len(), 7, "a value that is refused is not sent");
}

#[tokio::test]
async fn each_failure_is_of_its_own_sort() {
    let sort = async |reply: &'static str, filter: &str, values: &[(&str, &str)]| {
        let server = MockHttpServer::start(None, move |_| MockReply::Bytes(reply.as_bytes().to_vec())).await;
        let url = format!("http://127.0.0.1:{}/", server.port);
        let http = opened(settings(&url));
        http.execute(&query(filter, values)).await.unwrap_err()
    };
    let answered = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n[1,2,3]";
    for denied in ["HTTP/1.1 401 No\r\n\r\n", "HTTP/1.1 403 No\r\n\r\n"] {
        assert!(matches!(sort(denied, ".", &[]).await, SourceError::Refused(_)), "{denied}");
    }
    assert!(matches!(sort("HTTP/1.1 503 Out\r\n\r\n", ".", &[]).await, SourceError::BadAnswer(_)));
    assert!(matches!(sort(answered, ".a", &[]).await, SourceError::BadAnswer(_)), "the answer is not what was expected");
    assert!(matches!(sort(answered, ".[", &[]).await, SourceError::BadQuery(_)));
    assert!(matches!(sort(answered, ".[$city]", &[]).await, SourceError::BadQuery(_)), "a value is missing");
    assert!(matches!(sort(answered, "[range(20000)]", &[]).await, SourceError::TooLarge(_)));
    assert!(matches!(sort(answered, "def f: f; f", &[]).await, SourceError::OverLimits(_)));
    let nobody = fetch_error("http://nowhere.invalid/").await;
    assert!(matches!(nobody, SourceError::Unreachable(_)), "{nobody}");
}

async fn fetch_error(url: &str) -> SourceError {
    opened(settings(url)).execute(&query(".", &[])).await.unwrap_err()
}

async fn fetch_from_mock(json: &'static str) -> Result<Reading, String> {
    let server = MockHttpServer::of(json).await;
    fetch(settings(&format!("http://127.0.0.1:{}/", server.port)), ".", &[]).await
}

#[test]
fn placeholders_of_the_url_and_of_the_filter_are_told_together() {
    let http = opened(settings("http://stock.corp/{city.zone}?q={city}"));
    let used: Vec<_> = http.check(".[$city] | .[$colour]").unwrap().into_iter().map(|used| used.key).collect();
    assert_eq!(used, ["city.zone", "city", "colour"]);
    assert!(http.check(".[").is_err());
}

#[tokio::test]
async fn an_answer_that_is_no_json_names_its_host() {
    let error = fetch_from_mock("<html>").await.unwrap_err();
    assert!(
        error.starts_with("127.0.0.1:") && error.ends_with("not answer with JSON, but a web page (line 1, column 1)"),
        "{error}"
    );
}
