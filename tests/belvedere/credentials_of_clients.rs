//! The clients that people have: curl, and Python with requests and websockets.

use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

use crate::harness::demo_server::{DemoServer, page};
use crate::harness::program::text;

/// How long a client may take. It never decides a test that passes.
const PATIENCE: Duration = Duration::from_mins(1);

/// The Debian package of each.
const CLIENTS: [(&str, &[&str], &str); 2] = [
    ("curl", &["--version"], "curl"),
    ("/usr/bin/python3", &["-c", "import requests, websockets"], "python3-requests and python3-websockets"),
];

/// Whether that client is there. Where it must be, its not being there is a failure; elsewhere it is said.
pub(crate) async fn is_there(program: &str) -> bool {
    let (_, probe, package) = CLIENTS.into_iter().find(|(name, ..)| *name == program).unwrap();
    let found = Command::new(program).args(probe).output().await.is_ok_and(|output| output.status.success());
    if !found {
        assert!(std::env::var_os("BELVEDERE_TESTS_REQUIRE_SERVERS").is_none(), "install {package}");
        eprintln!("SKIPPED: there is no {program} with all it needs; install {package}");
    }
    found
}

async fn run(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).envs(environment.iter().copied()).env_remove("http_proxy").env_remove("HTTP_PROXY");
    command.stdin(Stdio::null()).kill_on_drop(true);
    tokio::time::timeout(PATIENCE, command.output()).await.expect("the client ends").unwrap()
}

/// A server with three pages, and a token of alice's.
async fn house(scope: &str) -> (DemoServer, String) {
    let builder = DemoServer::builder().await.page("members", &page("Members")).page("ops", &page("Ops"));
    let demo = builder.page("operations", &page("Operations")).open().await;
    let mut desk = demo.house.visitor();
    desk.signs_in("alice", demo.password("alice")).await;
    let token = desk.makes_a_token(scope, 3600).await;
    (demo, token)
}

#[tokio::test]
async fn curl_reads_a_page_by_password_by_token_and_by_a_signed_token() {
    if !is_there("curl").await {
        return;
    }
    let (demo, token) = house("read:members").await;
    let (members, signing) = (demo.house.url("/api/v1/pages/members"), demo.house.url("/api/v1/token"));
    let password = format!("alice:{}", demo.password("alice"));
    let curl = async |arguments: &[&str]| {
        let output = run("curl", &[&["--silent", "--show-error", "--fail-with-body"], arguments].concat(), &[]).await;
        (output.status.code(), text(&output.stdout))
    };
    for arguments in [
        vec!["--basic", "--user", &password, &members],
        vec!["--anyauth", "--user", &password, &members],
        vec!["--oauth2-bearer", &token, &members],
    ] {
        let (code, body) = curl(&arguments).await;
        assert_eq!(code, Some(0), "{arguments:?}: {body}");
        let page: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(page["title"], "Members");
    }
    let (_, signed) = curl(&["--oauth2-bearer", &token, "--data", "", &signing]).await;
    let signed: serde_json::Value = serde_json::from_str(&signed).unwrap();
    let (code, _) = curl(&["--oauth2-bearer", signed["access_token"].as_str().unwrap(), &members]).await;
    assert_eq!(code, Some(0));

    // An answer of 400 or more is exit code 22.
    let (code, body) = curl(&["--basic", "--user", "alice:wrong", &members]).await;
    assert_eq!(code, Some(22));
    assert!(body.contains("\"wrong-credentials\""), "{body}");
    let (code, body) = curl(&["--oauth2-bearer", &token, &demo.house.url("/api/v1/pages/ops")]).await;
    assert_eq!(code, Some(22));
    assert!(body.contains("\"out-of-scope\""), "{body}");
}

const SOCKET: &str = r#"
import asyncio, base64, json, os, websockets

async def watch(authorization):
    headers = {"Authorization": authorization}
    # The name of this argument changed with version 14.
    name = "additional_headers" if int(websockets.__version__.split(".")[0]) >= 14 else "extra_headers"
    async with websockets.connect(os.environ["SITE"] + "/live/members", **{name: headers}) as socket:
        for _ in range(2):
            print(json.loads(await socket.recv())["type"])

async def main():
    await watch("Bearer " + os.environ["TOKEN"])
    pair = "alice:" + os.environ["PASSWORD"]
    await watch("Basic " + base64.b64encode(pair.encode()).decode())
    try:
        await watch("Bearer bvt_wrong")
    except Exception as refused:
        print(refused)

asyncio.run(main())
"#;

#[tokio::test]
async fn python_websockets_watches_by_token_and_by_password() {
    if !is_there("/usr/bin/python3").await {
        return;
    }
    let (demo, token) = house("read:members").await;
    let site = demo.house.url("").replace("http://", "ws://");
    let environment = [("TOKEN", &*token), ("SITE", &*site), ("PASSWORD", demo.password("alice"))];
    let output = run("/usr/bin/python3", &["-c", SOCKET], &environment).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert!(printed.starts_with("hello\nsnapshot\nhello\nsnapshot\n") && printed.contains("401"), "{printed}");
}
