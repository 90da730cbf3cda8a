//! Slow, down, back, wrong credentials, too large.

use std::time::Instant;

use super::*;

/// Waits until so many statements of a database's sources sleep on its server.
async fn sleeping_statements(database: &TestDatabase, count: &str) {
    let sleeping = match database.dialect() {
        SqlDialect::Postgres => {
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
        }
        SqlDialect::MySql => {
            "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND state = 'User sleep'"
        }
        // Nobody sees what runs on a file.
        SqlDialect::Sqlite => return tokio::time::sleep(Duration::from_millis(300)).await,
    };
    let deadline = Instant::now() + Duration::from_mins(1);
    while database.administer(sleeping) != count {
        assert!(Instant::now() < deadline, "never were there {count} of {:?}", database.dialect());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_stopped_on_the_server_too_and_the_next_is_answered() {
    for database in TestDatabase::all() {
        let database = database.with_people();
        let source = database.source("timeout = \"3s\"\nconnections = 1");
        let slow = match database.dialect() {
            SqlDialect::Postgres => "SELECT pg_sleep(600)",
            SqlDialect::MySql => "SELECT SLEEP(600) FROM people",
            SqlDialect::Sqlite => {
                "WITH RECURSIVE endless(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM endless) SELECT max(n) FROM endless"
            }
        };
        let count = async || table(&*source, "SELECT count(*) AS it FROM people", &[]).await.1;
        assert_eq!(count().await, [["3"]], "it is connected to");
        let began = Instant::now();
        let error = ask(&*source, slow, &[]).await.unwrap_err();
        assert!(matches!(&error, SourceError::TimedOut(why) if why.contains("did not answer within 3s")), "{error}");
        assert!(began.elapsed() < Duration::from_mins(1));
        sleeping_statements(&database, "0").await;
        assert_eq!(count().await, [["3"]]);
    }
}

#[tokio::test]
async fn one_that_is_given_up_leaves_nothing_for_the_next() {
    for database in TestDatabase::all() {
        let database = database.with_people();
        let source = database.source("timeout = \"1m\"\nconnections = 1");
        let slow = match database.dialect() {
            SqlDialect::Postgres => "SELECT 'wrong' AS it FROM pg_sleep(50)",
            SqlDialect::MySql => "SELECT 'wrong' AS it FROM people WHERE SLEEP(50) = 0",
            SqlDialect::Sqlite => {
                "WITH RECURSIVE long(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM long WHERE n < 1e8) SELECT max(n) FROM long"
            }
        };
        let right = async || table(&*source, "SELECT 'right' AS it FROM people", &[]).await.1;
        assert_eq!(right().await, [["'right'"]; 3], "it is connected to");
        tokio::select! {
            answer = ask(&*source, slow, &[]) => panic!("{slow}: {answer:?}"),
            () = sleeping_statements(&database, "1") => {}
        }
        assert_eq!(right().await, [["'right'"]; 3]);
    }
}

#[tokio::test]
async fn more_than_the_limits_allow_is_refused_and_what_just_fits_is_not() {
    for database in TestDatabase::all() {
        let database = database.with_people();
        let source = database.source("max_rows = 3\nmax_bytes = \"2KiB\"\nconnections = 1");
        let too_large = async |text: &str, words: &str| {
            let error = ask(&*source, text, &[]).await.unwrap_err();
            assert!(matches!(&error, SourceError::TooLarge(why) if why.contains(words)), "{text}: {error}");
        };
        for _ in 0..2 {
            assert_eq!(table(&*source, "SELECT id FROM people", &[]).await.1.len(), 3);
            too_large("SELECT one.id FROM people one, people other", "more than 3 rows").await;
            let long = if database.dialect() == SqlDialect::Sqlite {
                "replace(hex(zeroblob(3000)), '00', 'x')"
            } else {
                "repeat('x', 3000)"
            };
            too_large(&format!("SELECT {long} AS it"), "larger than 2048 bytes").await;
        }
        let wide: Vec<_> = (0..101).map(|at| format!("1 AS c{at}")).collect();
        too_large(&format!("SELECT {}", wide.join(", ")), "100 columns").await;
    }
}

#[tokio::test]
async fn a_server_that_cut_its_connections_is_asked_on_new_ones() {
    for database in TestDatabase::all() {
        let database = database.with_people();
        let source = database.source("connections = 2");
        let names = async || table(&*source, "SELECT name FROM people WHERE id = 1", &[]).await.1;
        assert_eq!(names().await, [["'Ann'"]]);
        match &database {
            TestDatabase::Postgres(server, name) => {
                let cut = format!(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
                );
                server.query(name, &cut).unwrap();
            }
            TestDatabase::MariaDb(server, name) => {
                let ids = server
                    .query(
                        name,
                        &format!("SELECT id FROM information_schema.processlist WHERE db = '{name}' AND user = 'belvedere'"),
                    )
                    .unwrap();
                for id in ids.lines() {
                    server.query(name, &format!("KILL {id}")).unwrap();
                }
            }
            // Another file takes its place, as that of a nightly export.
            TestDatabase::Sqlite(folder) => {
                let other = TestDatabase::Sqlite(tempfile::tempdir().unwrap()).with_people();
                other.administer("UPDATE people SET name = 'Eve' WHERE id = 1");
                let TestDatabase::Sqlite(from) = &other else { continue };
                std::fs::copy(shop(from.path()), folder.path().join("new.db")).unwrap();
                std::fs::rename(folder.path().join("new.db"), shop(folder.path())).unwrap();
            }
        }
        let expected = if database.dialect() == SqlDialect::Sqlite { "'Eve'" } else { "'Ann'" };
        assert_eq!(names().await, [[expected]]);
    }
}

#[tokio::test]
async fn a_host_that_says_nothing_leaves_time_for_the_next_which_is_asked_first_from_then_on() {
    let Some(server) = postgres::server() else { return };
    let name = server.create_database();
    // It takes connections, and nobody answers on them.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    silent.set_nonblocking(true).unwrap();
    let url = format!("postgres://belvedere@{},127.0.0.1:{}/{name}", silent.local_addr().unwrap(), server.port);
    let source = opened(&format!("url = \"{url}\"\ntimeout = \"30s\"\nconnections = 1"));
    assert_eq!(table(&*source, "SELECT 1 AS it", &[]).await.1, [["1"]]);
    silent.accept().unwrap();
    let cut =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()");
    server.query(&name, &cut).unwrap();
    assert_eq!(table(&*source, "SELECT 1 AS it", &[]).await.1, [["1"]]);
    assert!(silent.accept().is_err(), "the one that answered was asked first");
}

#[tokio::test]
async fn whoever_cannot_be_connected_to_is_told_by_its_name_with_the_reason_and_without_a_password() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("notes.txt"),
        "these are no rows, but many words, and more than a hundred bytes of them: ".repeat(9),
    )
    .unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut cases = vec![
        (format!("postgres://b:hunter2@{closed}/x"), "refused the connection"),
        (format!("mysql://b:hunter2@{closed}/x"), "refused the connection"),
        (format!("sqlite://{}/nothing.db", folder.path().display()), "there is no file"),
        (format!("sqlite://{}/notes.txt", folder.path().display()), "no SQLite file"),
    ];
    if let Some(server) = postgres::server() {
        let (user, port) = (postgres::PASSWORD_ROLE.0, server.port);
        cases.push((format!("postgres://{user}:hunter2@127.0.0.1:{port}/postgres"), "refuses the user or the password"));
        cases.push((format!("postgres://belvedere@127.0.0.1:{port}/nowhere"), "no such database"));
        cases.push((format!("postgres://belvedere@localhost:{port}/postgres?sslmode=verify-full"), "cannot be trusted"));
    }
    if let Some(server) = mariadb::server() {
        let port = server.port;
        cases.push((format!("mysql://belvedere:hunter2@127.0.0.1:{port}/mysql"), "refuses the user or the password"));
        cases.push((server.url("nowhere"), "no such database"));
        cases.push((
            format!("{}?ssl-mode=verify_identity", server.url("mysql").replace("127.0.0.1", "localhost")),
            "cannot be trusted",
        ));
    }
    for (url, words) in cases {
        let error = ask(&*opened(&format!("url = \"{url}\"")), "SELECT 1 AS it", &[]).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(words), "{url}: {text}");
        assert!(!text.contains("hunter2") && !text.contains("s3cret") && !text.contains("://"), "{text}");
        assert!(!matches!(error, SourceError::BadQuery(_) | SourceError::BadAnswer(_)), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn a_file_that_comes_later_and_a_server_behind_tls_are_read() {
    let database = TestDatabase::Sqlite(tempfile::tempdir().unwrap());
    let source = database.source("");
    assert!(matches!(ask(&*source, "SELECT 1 AS it", &[]).await, Err(SourceError::Unreachable(_))));
    let database = database.with_people();
    assert_eq!(table(&*source, "SELECT count(*) AS it FROM people", &[]).await.1, [["3"]]);
    database.administer("DELETE FROM people");
    assert_eq!(table(&*source, "SELECT count(*) AS it FROM people", &[]).await.1, [["0"]]);
    let secure = |url: String, ca_file: &Path| opened(&format!("url = \"{url}\"\nca_file = \"{}\"", ca_file.display()));
    if let Some(server) = postgres::server() {
        let url = format!("postgres://belvedere@localhost:{}/postgres?sslmode=require", server.port);
        let encrypted = "SELECT ssl AS up FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        assert_eq!(table(&*secure(url, &server.ca_file), encrypted, &[]).await.1, [["Good"]]);
    }
    if let Some(server) = mariadb::server() {
        let url = format!("{}?ssl-mode=required", server.url("mysql").replace("127.0.0.1", "localhost"));
        let encrypted =
            "SELECT variable_value <> '' AS it FROM information_schema.session_status WHERE variable_name = 'SSL_CIPHER'";
        assert_eq!(table(&*secure(url, &server.ca_file), encrypted, &[]).await.1, [["1"]]);
    }
}

#[tokio::test]
async fn a_pooler_in_front_of_the_server_is_no_hindrance() {
    let Some(server) = postgres::server() else { return };
    let database = TestDatabase::Postgres(server, server.create_database()).with_people();
    let Some(port) = crate::store::tests::pgbouncer::before(server) else { return };
    let TestDatabase::Postgres(_, name) = &database else { return };
    let source = opened(&format!("url = \"{}\"", PostgresServer::url_at(port, name)));
    for id in ["1", "2", "1"] {
        let rows = table(&*source, "SELECT id FROM people WHERE id = $id::int", &[("id", id)]).await.1;
        assert_eq!(rows, [[id]]);
    }
}
