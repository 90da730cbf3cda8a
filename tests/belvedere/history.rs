//! The past of charts, over restarts of the program.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection};

use crate::harness::program::{RunningProgram, belvedere};

/// How long a test waits for what must come. It never decides a test that passes.
const PATIENCE: Duration = Duration::from_mins(1);

const PAGE: &str = "title = \"Kept\"\naccess = \"public\"\nkeep = \"30d\"\n\n[[panel]]\nid = \"load\"\ntitle = \"Load\"\n\
                    kind = \"line\"\nsource = \"host\"\nquery = \"load.1\"\nevery = \"1s\"\nwindow = \"15m\"\n";

/// Starts the program in this folder.
async fn starts(folder: &Path) -> (RunningProgram, SocketAddr) {
    let mut program = RunningProgram::start(belvedere(folder, &["serve"]));
    let address = program.is_open_at().await;
    (program, address)
}

/// The times of the chart's points, as scripts get them with the first answer.
async fn times(address: SocketAddr) -> Vec<i64> {
    let answer = reqwest::get(format!("http://{address}/api/v1/pages/kept")).await.unwrap();
    let page: Value = serde_json::from_str(&answer.error_for_status().unwrap().text().await.unwrap()).unwrap();
    let times = page["panels"]["load"]["view"]["times"].as_array();
    times.unwrap_or_else(|| panic!("{page}")).iter().map(|at| at.as_i64().unwrap()).collect()
}

/// Waits until the archive has as many chunks, and returns the time of the last sample in them.
async fn has_chunks(folder: &Path, count: i64) -> i64 {
    let url = format!("sqlite://{}?mode=ro", folder.join("state/history.db").display());
    let waits = async {
        loop {
            let mut file = SqliteConnection::connect(&url).await.unwrap();
            let row: (i64, Option<i64>) =
                sqlx::query_as("SELECT count(*), max(last) FROM chunks").fetch_one(&mut file).await.unwrap();
            if row.0 >= count {
                return row.1.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waits).await.expect("samples are written")
}

#[tokio::test]
async fn a_chart_has_its_past_after_the_program_was_killed_and_boards_go_on_when_the_archive_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pages")).unwrap();
    std::fs::write(folder.path().join("pages/kept.toml"), PAGE).unwrap();
    let settings = "[default]\nport = 0\n\n[default.directory]\nurl = \"ldap://127.0.0.1:1\"\n";
    std::fs::write(folder.path().join("Rocket.toml"), settings).unwrap();
    let (program, _) = starts(folder.path()).await;
    let written = has_chunks(folder.path(), 2).await;
    program.gets_killed().await;

    let (program, address) = starts(folder.path()).await;
    let before = times(address).await;
    assert!(before.contains(&written), "{written} in {before:?}");
    assert!(before.len() > 4, "each second, and not the last alone: {before:?}");
    program.gets_killed().await;

    for file in ["history.db", "history.db-wal", "history.db-shm"] {
        let path = folder.path().join("state").join(file);
        if path.exists() {
            std::fs::write(path, "this was an archive, and somebody has written over it").unwrap();
        }
    }
    let (program, address) = starts(folder.path()).await;
    assert!(!times(address).await.contains(&written), "it begins anew");
    let log = program.ends_after("TERM").await;
    assert_eq!(log.matches("charts begin without their past").count(), 1, "{log}");
}
