//! Local accounts, as an administrator makes them: on the command line, beside a running server.

use std::path::Path;
use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt as _;

use super::program::{belvedere, text};
use super::test_server::TestServer;

/// A password that the rules let pass.
pub(crate) const PASSWORD: &str = "lamp otter gravel nine";

/// Runs `belvedere account …` on the state of this server, with `typed` on its standard input.
pub(crate) async fn account(house: &TestServer, arguments: &[&str], typed: &str) -> Output {
    account_in(house.folder.path(), arguments, typed).await
}

/// Likewise on the state in the folder of a server, which may be down.
pub(crate) async fn account_in(folder: &Path, arguments: &[&str], typed: &str) -> Output {
    let mut command = belvedere(folder, &[&["account"], arguments].concat());
    command
        .env("BELVEDERE_DIRECTORY__URL", "ldap://127.0.0.1:1")
        .env("BELVEDERE_STATE", folder.join("state"))
        .env("BELVEDERE_DIGEST__ENABLED", "true")
        .stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that asks for nothing may have closed it.
    let _ = stdin.write_all(typed.as_bytes()).await;
    drop(stdin);
    child.wait_with_output().await.unwrap()
}

/// Runs `belvedere release NAME` on the state of this server, and returns its output.
pub(crate) async fn releases(house: &TestServer, name: &str) -> String {
    let folder = house.folder.path();
    let mut command = belvedere(folder, &["release", name]);
    command.env("BELVEDERE_DIRECTORY__URL", "ldap://127.0.0.1:1").env("BELVEDERE_STATE", folder.join("state"));
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{name}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Runs `belvedere account …`, which must succeed, and returns its output.
pub(crate) async fn administers(house: &TestServer, arguments: &[&str]) -> String {
    let output = account(house, arguments, &format!("{PASSWORD}\n")).await;
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Makes an account with [`PASSWORD`] in these groups.
pub(crate) async fn hires(house: &TestServer, name: &str, groups: &[&str]) {
    let groups: Vec<&str> = groups.iter().flat_map(|group| ["--group", group]).collect();
    administers(house, &[&["add", name, "--password-stdin"], &groups[..]].concat()).await;
}
