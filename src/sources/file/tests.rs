#![allow(clippy::unwrap_used)]

mod log_tail;
mod whole_file;

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::domain::{ManualClock, TableCell, Timestamp};
use crate::sources::filter_workers::tests::on_threads;
use crate::sources::settings::tests::read;

/// The source of a file of that name in the folder, with further keys.
fn opened(folder: &TempDir, name: &str, keys: &str) -> Box<dyn Source> {
    let path = folder.path().join(name);
    let text = format!("[default.sources.stock]\nkind = \"file\"\npath = \"{}\"\n{keys}\n", path.display());
    let named = read(&text).unwrap_or_else(|error| panic!("{error}"));
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_millis(0)));
    named.0[0].open(&clock, &on_threads()).unwrap()
}

async fn ask(source: &dyn Source, filter: &str, values: &[(&str, &str)]) -> Result<Reading, SourceError> {
    let bindings = values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    source.execute(&BoundQuery { source: "stock".parse().unwrap(), text: filter.to_owned(), bindings }).await
}

/// The text that a filter gives.
async fn text(source: &dyn Source, filter: &str) -> String {
    match ask(source, filter, &[]).await.unwrap_or_else(|error| panic!("{filter}: {error}")) {
        Reading::Text(text) => text,
        other => panic!("{filter}: {other:?}"),
    }
}

#[test]
fn the_format_is_told_by_the_ending_or_by_its_word() {
    let fault = |keys: &str| read(&format!("[default.sources.stock]\nkind = \"file\"\n{keys}\n")).unwrap_err().to_string();
    assert!(fault("").contains("`path` is missing"));
    let unknown = fault("path = \"/srv/stock.dat\"");
    assert!(unknown.contains("`format` is missing") && unknown.contains("`csv`") && unknown.contains("`lines`"), "{unknown}");
    assert!(fault("path = \"a.csv\"\nformat = \"yaml\"").contains("cannot be `yaml`"));
    assert!(fault("path = \"a.csv\"\nlines = 0").contains('1'));
    assert!(read("[default.sources.stock]\nkind = \"file\"\npath = \"/srv/stock.dat\"\nformat = \"json\"\n").is_ok());
}

#[tokio::test]
async fn a_value_of_a_visitor_is_a_variable_of_the_filter_and_never_a_part_of_the_path() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("{city}.csv"), "city,count\nLA,5\n").unwrap();
    fs::write(folder.path().join("other.csv"), "city,count\nsecret,7\n").unwrap();
    let source = opened(&folder, "{city}.csv", "");
    let filter = "map(select(.city == $city)) | length";
    for (city, found) in [("LA", 1.0), ("other", 0.0), ("../other", 0.0), ("\" or true or \"", 0.0), (")|length", 0.0)] {
        assert_eq!(ask(&*source, filter, &[("city", city)]).await, Ok(Reading::Number(found)), "{city}");
    }
    let used: Vec<_> = source.check(filter).unwrap().into_iter().map(|used| used.key).collect();
    assert_eq!(used, ["city"]);
}

#[tokio::test]
async fn what_is_no_readable_file_is_told_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let missing = ask(&*opened(&folder, "none.csv", ""), ".", &[]).await.unwrap_err();
    assert!(matches!(&missing, SourceError::Unreachable(why) if why.contains("there is no file") && why.contains("none.csv")));
    fs::create_dir(folder.path().join("folder.log")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, folder.path().join("pipe.json"), rustix::fs::Mode::RUSR).unwrap();
    for name in ["folder.log", "pipe.json"] {
        let error = ask(&*opened(&folder, name, ""), ".", &[]).await.unwrap_err();
        assert!(matches!(&error, SourceError::Broken(why) if why.contains("is no file")), "{name}: {error}");
    }
    fs::write(folder.path().join("large.json"), vec![b' '; 1025]).unwrap();
    let error = ask(&*opened(&folder, "large.json", "max_bytes = \"1KiB\""), ".", &[]).await.unwrap_err();
    assert!(matches!(&error, SourceError::TooLarge(why) if why.contains("larger than 1024 bytes")), "{error}");
    fs::write(folder.path().join("fits.json"), [vec![b' '; 1023], b"1".to_vec()].concat()).unwrap();
    assert_eq!(ask(&*opened(&folder, "fits.json", "max_bytes = \"1KiB\""), ".", &[]).await, Ok(Reading::Number(1.0)));
}
