//! A request names this server in its `Host`, its path in the one way, and its method itself; and the log tells an admin
//! which setting a proxy wants.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::{ACCEPT, HOST};
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::demo_server::{DemoServer, page};
use crate::harness::program::{RunningProgram, belvedere};
use crate::harness::test_server::TestServer;
use crate::harness::visitor::{Response, Visitor};
use crate::pages::public;

/// The whole answer to a request whose head is this, line by line.
async fn answer_to(address: SocketAddr, head: &[&str]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{}\r\nConnection: close\r\n\r\n", head.join("\r\n"));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.expect("an answer").unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

async fn opens_at(house: &TestServer, host: &str, path: &str) -> Response {
    let mut visitor = house.visitor();
    let request = visitor.request(Method::GET, path).header(ACCEPT, "text/html").header(HOST, host);
    visitor.send(request).await
}

#[tokio::test]
async fn a_request_to_another_host_is_misdirected_whatever_it_asks_for() {
    let demo = DemoServer::builder().await.set("site.allowed_hosts", vec!["boards", "10.9.8.7"]);
    let demo = demo.page("board", &public("Secret plans")).open().await;
    let house = &demo.house;
    let port = house.address.port();
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    for host in [
        "localhost",
        &format!("127.0.0.1:{port}"),
        "[::1]:80",
        "BOARDS.:8443",
        "10.9.8.7",
        &machine,
        &format!("{machine}.local"),
    ] {
        assert_eq!(opens_at(house, host, "/p/board").await.status, StatusCode::OK, "{host}");
    }
    let mut paths: Vec<String> =
        house.routes.iter().map(|(_, path)| path.split('?').next().unwrap().replace("<slug>", "board")).collect();
    paths.extend(["/nowhere".to_owned(), "//p/board".to_owned()]);
    for path in paths.iter().map(|path| path.replace(['<', '>'], "")) {
        let answer = opens_at(house, "evil.example", &path).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{path}");
        assert!(!answer.body.contains("Secret plans"), "{path}: {}", answer.body);
        // A browser would be refused its styles, its pictures and its next page by this name, too.
        assert!(!answer.body.contains("href=") && !answer.body.contains("<svg"), "{path}: {}", answer.body);
    }
    for host in
        ["evil.example:8000", "localhost.evil.example", "0.0.0.0", "192.0.2.1", "169.254.169.254", "boards.evil.example"]
    {
        assert_eq!(opens_at(house, host, "/").await.status, StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    let mut script = house.visitor();
    let request = script.request(Method::GET, "/api/v1/pages").header(HOST, "evil.example");
    assert_eq!(script.send(request).await.json()["error"]["code"], "unknown-host");
}

#[tokio::test]
async fn a_request_names_exactly_one_host() {
    let demo = DemoServer::builder().await.page("board", &public("Board")).open().await;
    let address = demo.house.address;
    for path in ["/p/board", "/healthz", "/nowhere"] {
        let line = format!("GET {path} HTTP/1.1");
        for hosts in [
            &[][..],
            &["Host: localhost", "Host: localhost"],
            &["Host: localhost", "Host: evil.example"],
            &["Host: evil.example", "Host: localhost"],
            &["Host: localhost, evil.example"],
            &["Host:"],
            &["Host: local host"],
            &["Host: user@localhost"],
            &["Host: localhost/evil.example"],
            &["Host: ::1"],
            &["Host: localhost:99999"],
        ] {
            let answer = answer_to(address, &[&[&*line], hosts].concat()).await;
            assert_eq!(status(&answer), 400, "{path} {hosts:?}: {answer}");
        }
        let answer = answer_to(address, &["GET http://localhost/healthz HTTP/1.1", "Host: evil.example"]).await;
        assert_eq!(status(&answer), 421, "{answer}");
    }
}

#[tokio::test]
async fn behind_a_proxy_that_is_trusted_the_public_address_alone_counts() {
    let demo = DemoServer::builder().await.set("site.public_url", "https://boards.corp.example");
    let direct = demo.open().await;
    for (host, expected) in [("boards.corp.example", 200), ("127.0.0.1", 200), ("evil.example", 421), ("upstream", 421)] {
        assert_eq!(opens_at(&direct.house, host, "/login").await.status, expected, "{host}");
    }
    let demo = DemoServer::builder().await.set("site.public_url", "https://boards.corp.example");
    let proxied = demo.set("site.trusted_proxies", vec!["127.0.0.1"]).open().await;
    // It passes its own name for this server on, and answers for what it lets through.
    assert_eq!(opens_at(&proxied.house, "upstream", "/login").await.status, 200);
}

#[tokio::test]
async fn every_path_has_one_spelling() {
    let demo = DemoServer::builder().await.set("admins.users", vec!["grace"]);
    let demo = demo.page("board", &public("Board")).page("members", &page("Members")).open().await;
    let address = demo.house.address;
    let asks = |path: String| async move { answer_to(address, &[&format!("GET {path} HTTP/1.1"), "Host: localhost"]).await };
    for (path, canonical) in [
        ("//p/board?city=x", "/p/board?city=x"),
        ("/p//board", "/p/board"),
        ("/p/board/", "/p/board"),
        ("/%61dmin/", "/admin"),
        ("/admin/", "/admin"),
        ("/%70/board", "/p/board"),
        ("//evil.example/..x", "/evil.example/..x"),
        ("//", "/"),
    ] {
        let answer = asks(path.to_owned()).await;
        assert_eq!(status(&answer), 308, "{path}: {answer}");
        let location = answer.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("location: ").map(str::to_owned));
        assert_eq!(location.as_deref(), Some(canonical), "{path}");
    }
    for path in
        ["/p/../admin", "/p/%2e%2e/admin", "/./p/board", "/p%2fboard", "/p/board%2F", "/p%5cboard", "/p/board%00", "/%ff"]
    {
        assert_eq!(status(&asks(path.to_owned()).await), 404, "{path}");
    }
    // No route is reached by another spelling of its path.
    let mut routes: Vec<String> =
        demo.house.routes.iter().map(|(_, path)| path.split('?').next().unwrap().to_owned()).collect();
    routes.retain(|path| path != "/");
    for path in routes {
        let path = path.replace("<slug>", "board").replace(['<', '>'], "").replace("..", "x");
        let encoded = format!("/%{:02x}{}", path.as_bytes()[1], &path[2..]);
        for spelling in [format!("/{path}"), format!("{path}/"), encoded, format!("/x/..{path}")] {
            let answer = asks(spelling.clone()).await;
            assert!([308, 404].contains(&status(&answer)), "{spelling}: {answer}");
        }
    }
}

#[tokio::test]
async fn no_form_chooses_its_method() {
    let demo = DemoServer::builder().await.page("board", &public("Board")).open().await;
    let mut visitor = demo.house.visitor();
    for method in ["get", "GET", "delete", "put", "HEAD", "patch"] {
        for field in ["_method", "%5Fmethod"] {
            for path in ["/p/board", "/login", "/logout", "/healthz", "/api/v1/pages", "/nowhere"] {
                let request = visitor.request(Method::POST, path).header(ACCEPT, "text/html");
                let request = request.header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
                let answer = visitor.send(request.body(format!("{field}={method}&username=alice"))).await;
                // Rocket does not know the other spelling: then the form is what it came as.
                let is_right = if field == "_method" { answer.status == 400 } else { answer.status != 200 };
                assert!(is_right, "{path} {field}={method}: {}", answer.status);
            }
        }
    }
    let request = visitor.request(Method::POST, "/p/board").header("Content-Type", "multipart/form-data; boundary=x");
    let body = "--x\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nget\r\n--x--\r\n";
    assert_eq!(visitor.send(request.body(body)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_log_names_the_settings_that_a_proxy_wants() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pages")).unwrap();
    let mut command = belvedere(folder.path(), &["serve"]);
    command.env("BELVEDERE_DIRECTORY__URL", "ldap://127.0.0.1:1");
    let mut house = RunningProgram::start(command);
    let address = house.is_open_at().await;

    let mut visitor = Visitor::new(address).behind_a_proxy_at("203.0.113.9");
    for _ in 0..3 {
        visitor.opens("/healthz").await;
    }
    let csrf = visitor.opens("/login").await.field("/login", "csrf").unwrap();
    let form = [("username", "alice"), ("password", "x"), ("next", "/"), ("csrf", &*csrf)];
    let refused = visitor.posts_from("https://boards.corp.example.com", "/login", &form).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body.contains("tell whoever runs it"), "{}", refused.body);
    let request = visitor.request(Method::GET, "/").header(ACCEPT, "text/html").header(HOST, "boards.corp.example.com");
    let misdirected = visitor.send(request).await;
    assert_eq!(misdirected.status, StatusCode::MISDIRECTED_REQUEST);
    assert!(misdirected.body.contains("tell whoever runs this site"), "{}", misdirected.body);

    let log = house.ends_after("TERM").await;
    let lines = |mark: &str| log.lines().filter(|line| line.contains("\"WARN\"") && line.contains(mark)).collect::<Vec<_>>();
    let [proxy] = lines("X-Forwarded-For")[..] else { panic!("one line about the proxy: {log}") };
    assert!(proxy.contains("site.trusted_proxies") && proxy.contains("127.0.0.1"), "{proxy}");
    let [origin] = lines("another site's")[..] else { panic!("one line about the origin: {log}") };
    for part in ["https://boards.corp.example.com", &format!("http://{address}"), "site.public_url"] {
        assert!(origin.contains(part), "{part} in {origin}");
    }
    let [host] = lines("refused with 421")[..] else { panic!("one line about the host: {log}") };
    assert!(host.contains("boards.corp.example.com") && host.contains("site.allowed_hosts"), "{host}");
}
