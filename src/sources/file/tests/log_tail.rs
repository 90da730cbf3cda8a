//! Logs that are written, rotated and emptied while they are followed.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::SystemTime;

use super::*;

/// A log in a folder of its own, and its tail.
struct TestLog {
    folder: TempDir,
    tail: LogTail,
}

impl TestLog {
    fn new(max_lines: usize, max_bytes: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tail = LogTail::new(&folder.path().join("app.log"), max_lines, max_bytes);
        Self { folder, tail }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, text: impl AsRef<[u8]>) {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(self.path("app.log")).unwrap();
        file.write_all(text.as_ref()).unwrap();
    }

    fn rename(&self, to: &str) {
        fs::rename(self.path("app.log"), self.path(to)).unwrap();
    }

    /// The lines that a filter gets while the log is being written.
    fn lines(&self) -> Vec<String> {
        self.lines_at(SystemTime::UNIX_EPOCH)
    }

    fn lines_at(&self, now: SystemTime) -> Vec<String> {
        let document = self.tail.follow(now).unwrap();
        let rows: Vec<serde_json::Value> = serde_json::from_slice(document.text()).unwrap();
        rows.into_iter().map(|row| row["line"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn the_last_lines_are_followed_and_one_without_its_end_is_waited_for() {
    let log = TestLog::new(3, 1024);
    log.append("one\r\ntwo\n");
    assert_eq!(log.lines(), ["one", "two"]);
    log.append("thr");
    assert_eq!(log.lines(), ["one", "two"]);
    log.append("ee\nfour\n");
    assert_eq!(log.lines(), ["two", "three", "four"]);
    log.append("no end");
    let written = fs::metadata(log.path("app.log")).unwrap().modified().unwrap();
    assert_eq!(log.lines_at(written + Duration::from_secs(1)), ["two", "three", "four"]);
    assert_eq!(log.lines_at(written + Duration::from_secs(4)), ["two", "three", "four", "no end"]);
    log.append(", and its end\n");
    assert_eq!(log.lines(), ["three", "four", "no end, and its end"]);
}

#[test]
fn a_log_that_is_renamed_and_begun_anew_goes_on_and_nothing_between_is_lost() {
    let log = TestLog::new(10, 1024);
    log.append("one\n");
    assert_eq!(log.lines(), ["one"]);
    log.append("two, after the last look\nand no end");
    log.rename("app.log.1");
    assert!(log.tail.follow(SystemTime::UNIX_EPOCH).is_err(), "there is none for a moment");
    log.append("three\n");
    assert_eq!(log.lines(), ["one", "two, after the last look", "and no end", "three"]);
    log.rename("app.log.2");
    fs::remove_file(log.path("app.log.2")).unwrap();
    log.append("four\n");
    assert_eq!(log.lines().last().unwrap(), "four", "what was packed away at once is lost, and nothing else");
}

#[test]
fn lines_of_another_file_with_the_number_of_the_deleted_log_are_not_shown() {
    let log = TestLog::new(10, 1024);
    log.append("one\n");
    assert_eq!(log.lines(), ["one"]);
    fs::write(log.path("other.log"), "not for the page\nnor this\n").unwrap();
    let other = fs::metadata(log.path("other.log")).unwrap();
    fs::remove_file(log.path("app.log")).unwrap();
    log.tail.confuse_with((other.dev(), other.ino()));
    log.append("two\n");
    assert_eq!(log.lines(), ["one", "two"]);
}

#[test]
fn a_link_of_the_own_user_is_followed_also_when_it_is_put_in_the_place_of_the_log() {
    let log = TestLog::new(10, 1024);
    fs::write(log.path("real.log"), "one\n").unwrap();
    std::os::unix::fs::symlink("real.log", log.path("app.log")).unwrap();
    assert_eq!(log.lines(), ["one"]);
    fs::remove_file(log.path("app.log")).unwrap();
    std::os::unix::fs::symlink("nowhere.log", log.path("app.log")).unwrap();
    assert!(matches!(log.tail.follow(SystemTime::UNIX_EPOCH), Err(SourceError::Unreachable(_))));
}

#[test]
fn a_log_that_is_copied_and_emptied_goes_on_also_when_it_has_outgrown_its_old_length() {
    let log = TestLog::new(10, 64 * 1024);
    let emptied = || fs::File::create(log.path("app.log")).unwrap();
    log.append("one\ntwo\n");
    assert_eq!(log.lines(), ["one", "two"]);
    drop(emptied());
    log.append("3\n");
    assert_eq!(log.lines(), ["one", "two", "3"], "it is shorter now");
    drop(emptied());
    log.append("four, which is longer than what was there\nfive\n");
    assert_eq!(log.lines(), ["one", "two", "3", "four, which is longer than what was there", "five"]);
    drop(emptied());
    assert_eq!(log.lines().len(), 5);
    log.append("six\n");
    assert_eq!(log.lines().last().unwrap(), "six");
}

#[test]
fn whatever_bytes_there_are_become_lines_and_marks_and_long_lines_cost_nothing_else() {
    let log = TestLog::new(10, 64 * 1024);
    log.append("\u{feff}first\n");
    log.append(b"\xff\xfe broken \xc3\n\x00\x1b[31m\n\n");
    log.append([vec![b'x'; 40_000], b"\nlast\n".to_vec()].concat());
    let lines = log.lines();
    assert_eq!(lines[..4], ["first", "\u{fffd}\u{fffd} broken \u{fffd}", "\u{0}\u{1b}[31m", ""]);
    assert_eq!((lines[4].len(), lines[5].as_str()), (16 * 1024, "last"));
}

#[test]
fn of_a_huge_log_the_end_alone_is_read_and_no_half_line() {
    let log = TestLog::new(1_000, 4_096);
    log.append("");
    fs::File::options().write(true).open(log.path("app.log")).unwrap().set_len(20 << 30).unwrap();
    log.append("half\nwhole\n");
    assert_eq!(log.lines(), ["whole"], "before it are only zeros, which have no end of a line but its own");
    log.append("more\n".repeat(10_000));
    let lines = log.lines();
    assert!(lines.len() < 820 && lines.iter().all(|line| line == "more"), "{}", lines.len());
}

#[tokio::test]
async fn a_filter_picks_from_the_lines() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("app.log"), "INFO started\nERROR disk\nINFO on\nERROR net\n").unwrap();
    let source = opened(&folder, "app.log", "lines = 3");
    assert_eq!(ask(&*source, "map(select(.line | startswith(\"ERROR\"))) | length", &[]).await, Ok(Reading::Number(2.0)));
    let Ok(Reading::Table(table)) = ask(&*source, ".", &[]).await else { panic!("no table") };
    assert_eq!((table.columns[0].name.as_str(), &table.rows[0][0]), ("line", &TableCell::Text("ERROR disk".to_owned())));
}
