#![allow(clippy::unwrap_used)]

//! The kind of source tried on a real PostgreSQL, a real MariaDB and SQLite files.

#[path = "../../../tests/belvedere/harness/mariadb.rs"]
#[allow(dead_code, reason = "the integration tests need more of it")]
mod mariadb;
mod outages;
mod types;

use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::domain::{Bindings, ManualClock, TableCell, Timestamp};
use crate::sources::filter_workers::tests::on_threads;
use crate::sources::settings::tests::read;
use crate::store::tests::postgres::{self, PostgresServer};
// The server's module finds them here, as it does among the integration tests.
use crate::store::tests::{certificates, free_port, server_account, server_process};
use mariadb::MariaDbServer;

/// 2026-11-30T18:00:00Z.
const NOW: i64 = 1_796_061_600_000;

/// A database of a test's own.
enum TestDatabase {
    Postgres(&'static PostgresServer, String),
    MariaDb(&'static MariaDbServer, String),
    Sqlite(TempDir),
}

impl TestDatabase {
    /// One of each kind, as far as the servers are there.
    fn all() -> Vec<Self> {
        let postgres = postgres::server().map(|server| Self::Postgres(server, server.create_database()));
        let mariadb = mariadb::server().map(|server| Self::MariaDb(server, server.create_database()));
        let sqlite = Self::Sqlite(tempfile::tempdir().unwrap());
        postgres.into_iter().chain(mariadb).chain([sqlite]).collect()
    }

    fn dialect(&self) -> SqlDialect {
        match self {
            Self::Postgres(..) => SqlDialect::Postgres,
            Self::MariaDb(..) => SqlDialect::MySql,
            Self::Sqlite(_) => SqlDialect::Sqlite,
        }
    }

    fn url(&self) -> String {
        match self {
            Self::Postgres(server, name) => server.url(name),
            Self::MariaDb(server, name) => server.url(name),
            Self::Sqlite(folder) => format!("sqlite://{}?mode=ro", shop(folder.path()).display()),
        }
    }

    /// Runs statements as its administrator, and returns what they print.
    fn administer(&self, statements: &str) -> String {
        match self {
            Self::Postgres(server, name) => {
                server.query(name, &format!("{statements}; GRANT ALL ON ALL TABLES IN SCHEMA public TO belvedere")).unwrap()
            }
            Self::MariaDb(server, name) => server.query(name, statements).unwrap(),
            Self::Sqlite(folder) => {
                let file = shop(folder.path());
                std::thread::scope(|scope| scope.spawn(|| administer_sqlite(&file, statements)).join().unwrap())
            }
        }
    }

    /// With a table of three people.
    fn with_people(self) -> Self {
        self.administer("CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(200))");
        self.administer("INSERT INTO people VALUES (1, 'Ann'), (2, 'Bob'), (3, 'O''Hara')");
        self
    }

    fn count_people(&self) -> String {
        self.administer("SELECT count(*) FROM people")
    }

    /// A source that reads it, with further keys.
    fn source(&self, keys: &str) -> Box<dyn Source> {
        opened(&format!("url = \"{}\"\n{keys}", self.url()))
    }
}

fn shop(folder: &Path) -> std::path::PathBuf {
    folder.join("shop.db")
}

fn administer_sqlite(file: &Path, statements: &str) -> String {
    use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        let row = sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).fetch_optional(&mut connection).await.unwrap();
        let text = row.map_or(String::new(), |row| row.try_get_unchecked::<String, _>(0).unwrap());
        connection.close().await.unwrap();
        text
    })
}

/// The source of these keys.
fn opened(keys: &str) -> Box<dyn Source> {
    let named = read(&format!("[default.sources.shop]\nkind = \"sql\"\n{keys}\n")).unwrap_or_else(|error| panic!("{error}"));
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_millis(NOW)));
    named.0[0].open(&clock, &on_threads()).unwrap()
}

fn query(text: &str, values: &[(&str, &str)]) -> BoundQuery {
    let bindings: Bindings = values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    BoundQuery { source: "shop".parse().unwrap(), text: text.to_owned(), bindings }
}

async fn ask(source: &dyn Source, text: &str, values: &[(&str, &str)]) -> Result<Reading, SourceError> {
    source.execute(&query(text, values)).await
}

/// The cells of the rows, as one reads them: columns, then rows.
async fn table(source: &dyn Source, text: &str, values: &[(&str, &str)]) -> (Vec<String>, Vec<Vec<String>>) {
    let reading = ask(source, text, values).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    let Reading::Table(table) = reading else { panic!("{text}: {reading:?}") };
    let cell = |cell: &TableCell| match cell {
        TableCell::Empty => "-".to_owned(),
        TableCell::Number(number) => format!("{number}"),
        TableCell::Text(text) => format!("'{text}'"),
        TableCell::State(state) => format!("{state:?}"),
        TableCell::Decimal(text) => format!("={text}"),
    };
    let rows = table.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    (table.columns.into_iter().map(|column| column.name).collect(), rows)
}

/// Values that try to be more than values.
const INJECTIONS: [&str; 20] = [
    "'; DROP TABLE people; --",
    "' OR '1'='1",
    "\" OR \"\"=\"",
    "1 OR 1=1",
    "Ann' UNION SELECT name FROM people --",
    "\\'; DELETE FROM people; --",
    "\\",
    "'",
    "''",
    "$who",
    "$1",
    "?",
    ":who",
    "$$; DROP TABLE people; $$",
    "*/ DROP TABLE people /*",
    "%' --",
    "0x27204f5220313d31",
    "CHAR(39)",
    "ÅΩ漢字🦀\u{2019}; DROP TABLE people",
    "line\r\nbreak\tand tab",
];

#[tokio::test]
async fn whatever_a_visitor_chose_is_a_value_in_every_database() {
    for database in TestDatabase::all() {
        let database = database.with_people();
        let source = database.source("");
        let found = table(&*source, "SELECT id FROM people WHERE name = $who", &[("who", "O'Hara")]).await;
        assert_eq!(found.1, [["3"]]);
        for injection in INJECTIONS {
            let values = [("who", injection)];
            let (_, rows) = table(&*source, "SELECT id FROM people WHERE name = $who OR $who = name", &values).await;
            assert_eq!(rows, [[""; 0]; 0], "{injection}");
            let (_, rows) = table(&*source, "SELECT $who AS it, '$who' AS text -- $who", &values).await;
            assert_eq!(rows, [[format!("'{injection}'"), "'$who'".to_owned()]], "{injection}");
        }
        assert_eq!(database.count_people(), "3");
    }
}

#[tokio::test]
async fn nothing_can_be_written_in_any_way() {
    for database in TestDatabase::all() {
        let database = database.with_people();
        let source = database.source("");
        let mut attempts = vec![
            "INSERT INTO people VALUES (4, 'Eve')",
            "SELECT 1; DROP TABLE people",
            "DROP TABLE people",
            "WITH gone AS (SELECT 1) DELETE FROM people",
            "WITH gone AS (SELECT 1) UPDATE people SET name = 'Eve'",
            "SELECT * INTO copies FROM people",
            "/* SELECT */ DELETE FROM people",
            "SELECT 1 /*! ; DELETE FROM people */",
            "SELECT 1 -- a \0 b",
            "SELECT 1 AS \u{a0}",
        ];
        match database.dialect() {
            SqlDialect::Postgres => {
                database.administer(
                    "CREATE FUNCTION write_it() RETURNS bigint LANGUAGE sql AS 'DELETE FROM people; SELECT 1::bigint'; \
                     CREATE SEQUENCE numbers; GRANT ALL ON numbers TO belvedere",
                );
                attempts.extend([
                    "WITH gone AS (DELETE FROM people RETURNING *) SELECT * FROM gone",
                    "SELECT write_it()",
                    "SELECT set_config('transaction_read_only', 'off', true), write_it()",
                    "SELECT set_config('default_transaction_read_only', 'off', false), write_it()",
                    "SELECT nextval('numbers')",
                    "SELECT * FROM people FOR UPDATE",
                    "SELECT 1) AS it; DROP TABLE people; --",
                    "COPY people TO '/tmp/people'",
                    "SET TRANSACTION READ WRITE",
                    "SELECT 1 -- '\r) AS it; DELETE FROM people -- '",
                    "SELECT 1e'\\') AS it; DELETE FROM people -- '",
                ]);
            }
            SqlDialect::MySql => {
                database.administer(
                    "DELIMITER //\nCREATE FUNCTION write_it() RETURNS INT MODIFIES SQL DATA BEGIN DELETE FROM people; RETURN 1; END//",
                );
                attempts.extend([
                    "SELECT write_it()",
                    "SELECT name FROM people INTO OUTFILE '/tmp/people'",
                    "SELECT 1 --\u{1} '\n INTO OUTFILE \"/tmp/people\" -- '",
                    "SELECT 1 --\u{a0} INTO OUTFILE '/tmp/people' FROM (SELECT 1 AS \u{a0}) t",
                    "SELECT 1 INTO @mine",
                    "START TRANSACTION READ WRITE",
                    "CALL something()",
                ]);
            }
            SqlDialect::Sqlite => attempts.extend([
                "ATTACH DATABASE '/tmp/other.db' AS other",
                "PRAGMA query_only = OFF",
                "PRAGMA journal_mode = DELETE",
                "VACUUM",
                "SELECT load_extension('/tmp/evil.so')",
            ]),
        }
        for attempt in attempts {
            let answer = ask(&*source, attempt, &[]).await;
            assert!(matches!(answer, Err(SourceError::BadQuery(_) | SourceError::Refused(_))), "{attempt}: {answer:?}");
        }
        assert_eq!(database.count_people(), "3");
        assert_eq!(table(&*source, "SELECT count(*) AS people FROM people", &[]).await.1, [["3"]], "and it goes on");
    }
}

#[tokio::test]
async fn a_server_that_reads_quotations_otherwise_reads_them_as_they_are_checked() {
    let Some(server) = postgres::server() else { return };
    let name = server.create_database();
    let database = TestDatabase::Postgres(server, name.clone());
    database.administer(&format!("ALTER DATABASE {name} SET standard_conforming_strings = off"));
    let (_, rows) = table(&*database.source(""), r"SELECT '\' AS a, E'\\' AS b", &[]).await;
    assert_eq!(rows, [[r"'\'", r"'\'"]]);
}

#[tokio::test]
async fn a_transaction_that_is_left_behind_ends_soon() {
    let Some(server) = postgres::server() else { return };
    let database = TestDatabase::Postgres(server, server.create_database());
    let setting = "SELECT current_setting('idle_in_transaction_session_timeout') AS it";
    assert_eq!(table(&*database.source(""), setting, &[]).await.1, [["'1min'"]]);
}

#[tokio::test]
async fn a_lock_that_a_query_took_goes_with_it() {
    for database in TestDatabase::all() {
        let source = database.source("connections = 1");
        match database.dialect() {
            SqlDialect::Postgres => {
                ask(&*source, "SELECT pg_advisory_lock(4711)::text AS it", &[]).await.unwrap();
                assert_eq!(database.administer("SELECT count(*) FROM pg_locks WHERE objid = 4711"), "0");
            }
            SqlDialect::MySql => {
                ask(&*source, "SELECT GET_LOCK('4711', 1) AS it", &[]).await.unwrap();
                assert_eq!(database.administer("SELECT IS_FREE_LOCK('4711')"), "1");
            }
            SqlDialect::Sqlite => {}
        }
    }
}

#[tokio::test]
async fn a_session_keeps_nothing_that_a_query_set() {
    let Some(server) = postgres::server() else { return };
    let database = TestDatabase::Postgres(server, server.create_database());
    let source = database.source("connections = 1");
    let path = "SELECT current_setting('search_path') AS path";
    let before = table(&*source, path, &[]).await;
    table(&*source, "SELECT set_config('search_path', 'elsewhere', false)", &[]).await;
    assert_eq!(table(&*source, path, &[]).await, before);
}

#[tokio::test]
async fn a_fault_of_a_query_is_told_with_its_place_and_its_mend() {
    for database in TestDatabase::all() {
        let database = database.with_people();
        let source = database.source("");
        let error = async |text: &str| ask(&*source, text, &[("id", "1")]).await.unwrap_err().to_string();
        let (no_column, no_table) =
            (error("SELECT id,\n       nam FROM people WHERE id < $id").await, error("SELECT 1 FROM persons").await);
        match database.dialect() {
            SqlDialect::Postgres => {
                assert_eq!(no_column, "column \"nam\" does not exist (line 2, column 8)");
                assert_eq!(no_table, "relation \"persons\" does not exist (line 1, column 15)");
                let no_type = error("SELECT * FROM people WHERE id = $id").await;
                assert!(no_type.contains("integer = text (line 1, column 31)") && no_type.contains("$city::int"), "{no_type}");
                assert_eq!(table(&*source, "SELECT name FROM people WHERE id = $id::int", &[("id", "1")]).await.1, [["'Ann'"]]);
                let value = ask(&*source, "SELECT $id::int", &[("id", "hunter2")]).await.unwrap_err().to_string();
                assert!(value.contains("22P02") && !value.contains("hunter2"), "{value}");
            }
            SqlDialect::MySql => {
                assert!(no_column.contains("Unknown column 'nam'"), "{no_column}");
                assert!(no_table.contains("persons' doesn't exist"), "{no_table}");
            }
            SqlDialect::Sqlite => {
                assert!(no_column.contains("no such column: nam"), "{no_column}");
                assert!(no_table.contains("no such table: persons"), "{no_table}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_the_servers_fault_is_not_told_as_the_querys_and_a_message_that_may_have_a_value_is_not_repeated() {
    for database in TestDatabase::all() {
        let source = database.source("");
        match database.dialect() {
            SqlDialect::Postgres => {
                database.administer(
                    "CREATE FUNCTION tell() RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION USING MESSAGE = ''hunter2''; END'",
                );
                let error = ask(&*source, "SELECT tell()", &[]).await.unwrap_err();
                assert!(matches!(&error, SourceError::BadQuery(why) if !why.contains("hunter2")), "{error}");
            }
            SqlDialect::MySql => {
                database.administer(
                    "DELIMITER //\nCREATE FUNCTION full_disk() RETURNS INT BEGIN SIGNAL SQLSTATE 'HY000' \
                     SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'hunter2'; RETURN 1; END//",
                );
                let error = ask(&*source, "SELECT full_disk()", &[]).await.unwrap_err();
                assert!(matches!(&error, SourceError::BadAnswer(why) if why.contains("1114")), "{error}");
                assert!(!error.to_string().contains("hunter2"), "{error}");
                for wrong in [
                    "SELECT (SELECT 1 UNION SELECT 2)",
                    "SELECT _utf8mb4'a' COLLATE utf8mb4_bin = _utf8mb4'b' COLLATE utf8mb4_general_ci",
                ] {
                    let error = ask(&*source, wrong, &[]).await.unwrap_err();
                    assert!(matches!(error, SourceError::BadQuery(_)), "{wrong}: {error}");
                }
            }
            SqlDialect::Sqlite => {}
        }
    }
}

#[tokio::test]
async fn rows_with_a_time_are_series_and_the_past_is_asked_for() {
    for database in TestDatabase::all() {
        let kind = match database.dialect() {
            SqlDialect::Postgres => "timestamptz",
            SqlDialect::MySql | SqlDialect::Sqlite => "datetime",
        };
        database.administer(&format!("CREATE TABLE sales (at {kind}, city VARCHAR(20), amount DECIMAL(10,2))"));
        database.administer(
            "INSERT INTO sales VALUES ('2026-11-30 17:58:00', 'LA', 1.5), ('2026-11-30 17:58:00', 'NYC', 2.5), \
             ('2026-11-30 17:59:00', 'LA', NULL), ('2026-11-30 12:00:00', 'LA', 9)",
        );
        let source = database.source("");
        let text = "SELECT at AS time, city AS label, amount AS value FROM sales WHERE at BETWEEN $from AND $to ORDER BY at";
        let Ok(Reading::Series(latest)) = ask(&*source, text, &[]).await else { panic!("no series") };
        let at = |minutes: i64| Timestamp::from_millis(NOW - minutes * 60_000);
        assert_eq!(latest.times(), [at(2), at(1)], "the last hour");
        let lines: Vec<_> = latest.lines().iter().map(|line| (line.label.as_str(), line.values[0])).collect();
        assert_eq!(lines, [("LA", 1.5), ("NYC", 2.5)]);
        assert!(latest.lines().iter().all(|line| line.values[1].is_nan()));
        let day = TimeRange::ending_at(Timestamp::from_millis(NOW), Duration::from_hours(24));
        let past = source.execute_range(&query(text, &[]), day).await.unwrap().unwrap();
        assert_eq!(past.times(), [at(360), at(2), at(1)]);
        let none = "SELECT at AS time, amount FROM sales WHERE city = 'Rome' AND at BETWEEN $from AND $to";
        assert_eq!(ask(&*source, none, &[]).await, Ok(Reading::Series(Series::default())), "no gap at the time of asking");
        assert_eq!(source.execute_range(&query(none, &[]), day).await, Ok(Some(Series::default())));
        let all = "SELECT at AS time, amount FROM sales WHERE city = 'LA'";
        assert_eq!(source.execute_range(&query(all, &[]), day).await, Ok(None), "it does not say which past");
        let Ok(Reading::Series(one)) = ask(&*source, all, &[]).await else { panic!("no series") };
        assert_eq!((one.lines().len(), one.lines()[0].label.as_str(), one.times().len()), (1, "", 3));
        assert_eq!(table(&*source, "SELECT at AS time, city FROM sales", &[]).await.1.len(), 4, "words make a table");
    }
}
