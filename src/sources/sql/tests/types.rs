//! All types of the three databases, as cells.

use super::*;

/// Asks for each expression, and compares it with what a reader sees.
async fn check(database: &TestDatabase, expected: &[(&str, &str)]) {
    let source = database.source("");
    for (expression, cell) in expected {
        let (_, rows) = table(&*source, &format!("SELECT {expression} AS it, 1 AS one"), &[]).await;
        assert_eq!(rows[0][0], *cell, "{expression}");
    }
}

#[tokio::test]
async fn every_type_of_postgresql_is_a_cell_that_tells_it_whole() {
    let Some(server) = postgres::server() else { return };
    let database = TestDatabase::Postgres(server, server.create_database());
    database.administer("CREATE TYPE mood AS ENUM ('calm', 'wild'); CREATE DOMAIN percent AS int CHECK (VALUE < 101)");
    let types = [
        ("NULL::text", "-"),
        ("true", "'yes'"),
        ("(-32768)::smallint", "-32768"),
        ("2147483647", "2147483647"),
        ("9007199254740993", "=9007199254740993"),
        ("12345678901234567890.123456789", "=12345678901234567890.123456789"),
        ("1234.50::numeric(10,2)", "1234.5"),
        ("1.5::real", "1.5"),
        ("1e300::double precision", &format!("{}", 1e300)),
        ("'NaN'::numeric", "'NaN'"),
        ("'a''b'", "'a'b'"),
        ("'x'::char(3)", "'x  '"),
        ("'2026-11-30'::date", "'2026-11-30'"),
        ("'18:00:01.5'::time", "'18:00:01.5'"),
        ("'2026-11-30 18:00:00'::timestamp", "'2026-11-30T18:00:00'"),
        ("'2026-11-30 19:00:00+01'::timestamptz", "'2026-11-30T18:00:00+00:00'"),
        ("'1 day 02:00'::interval", "'1 day 02:00:00'"),
        ("ARRAY[1, 2]", "'[1,2]'"),
        ("ARRAY['a', NULL]", "'[\"a\",null]'"),
        ("'\\xdeadbeef'::bytea", "'\\xdeadbeef'"),
        ("'{\"a\": [1]}'::jsonb", "'{\"a\": [1]}'"),
        ("'5b2f4c1e-0000-4000-8000-000000000001'::uuid", "'5b2f4c1e-0000-4000-8000-000000000001'"),
        ("'10.0.0.0/8'::cidr", "'10.0.0.0/8'"),
        ("'wild'::mood", "'wild'"),
        ("99::percent", "99"),
        ("int4range(1, 5)", "'[1,5)'"),
        ("'12.50'::money", "'$12.50'"),
        ("B'101'", "'101'"),
        ("'(1,2)'::point", "'(1,2)'"),
        ("to_tsvector('simple', 'a b')", "'''a'':1 ''b'':2'"),
        ("ROW(1, 'a')", "'{\"f1\":1,\"f2\":\"a\"}'"),
    ];
    let types: Vec<_> =
        types.iter().map(|(expression, cell)| (*expression, cell.replace("''a'':1 ''b'':2", "'a':1 'b':2"))).collect();
    check(&database, &types.iter().map(|(expression, cell)| (*expression, cell.as_str())).collect::<Vec<_>>()).await;
    let (columns, rows) = table(&*database.source(""), "SELECT 1 AS a, 2 AS a, 'up' AS state", &[]).await;
    assert_eq!(
        (columns, rows),
        (vec!["a".into(), "a".into(), "state".into()], vec![vec!["1".into(), "2".into(), "Good".into()]])
    );
}

#[tokio::test]
async fn every_type_of_mariadb_is_a_cell_that_tells_it_whole() {
    let Some(server) = mariadb::server() else { return };
    let database = TestDatabase::MariaDb(server, server.create_database());
    let columns = [
        ("TINYINT(1)", "1", "'yes'"),
        ("TINYINT(1)", "7", "7"),
        ("TINYINT", "-128", "-128"),
        ("TINYINT UNSIGNED", "255", "255"),
        ("SMALLINT", "-32768", "-32768"),
        ("MEDIUMINT UNSIGNED", "16777215", "16777215"),
        ("INT UNSIGNED", "4294967295", "4294967295"),
        ("BIGINT", "-9007199254740993", "=-9007199254740993"),
        ("BIGINT UNSIGNED", "18446744073709551615", "=18446744073709551615"),
        ("DECIMAL(30,9)", "12345678901234567890.123456789", "=12345678901234567890.123456789"),
        ("DECIMAL(10,2)", "1234.50", "1234.5"),
        ("FLOAT", "1.1", "1.1"),
        ("DOUBLE", "0.1", "0.1"),
        ("BIT(10)", "b'1000000001'", "513"),
        ("YEAR", "2026", "2026"),
        ("DATE", "'2026-11-30'", "'2026-11-30'"),
        ("DATETIME", "'2026-11-30 18:00:00'", "'2026-11-30T18:00:00'"),
        ("DATETIME(6)", "'2026-11-30 00:00:00.250000'", "'2026-11-30T00:00:00.25'"),
        ("TIMESTAMP NULL", "FROM_UNIXTIME(1796061600)", "'2026-11-30T18:00:00Z'"),
        ("DATE", "'0000-00-00'", "-"),
        ("DATETIME", "'0000-00-00 00:00:00'", "-"),
        ("TIME", "'-26:00:01'", "'-26:00:01'"),
        ("TIME", "'00:00:00'", "'00:00:00'"),
        ("CHAR(3)", "'x'", "'x'"),
        ("VARCHAR(9) COLLATE utf8mb4_bin", "'größe'", "'größe'"),
        ("TEXT", "'a''b'", "'a'b'"),
        ("LONGTEXT", "'漢字'", "'漢字'"),
        ("ENUM('calm','wild')", "'wild'", "'wild'"),
        ("SET('a','b')", "'a,b'", "'a,b'"),
        ("JSON", "'{\"a\": [1]}'", "'{\"a\": [1]}'"),
        ("VARBINARY(4)", "x'deadbeef'", "'\\xdeadbeef'"),
        ("BLOB", "x'00ff'", "'\\x00ff'"),
        ("INT", "NULL", "-"),
    ];
    let definitions: Vec<_> = columns.iter().enumerate().map(|(at, (kind, ..))| format!("c{at} {kind}")).collect();
    let values: Vec<_> = columns.iter().map(|(_, value, _)| *value).collect();
    database.administer("SET GLOBAL time_zone = '+02:00'");
    database.administer(&format!(
        "CREATE TABLE kinds ({}); INSERT INTO kinds VALUES ({})",
        definitions.join(", "),
        values.join(", ")
    ));
    let (_, rows) = table(&*database.source(""), "SELECT * FROM kinds", &[]).await;
    for ((kind, value, cell), found) in columns.iter().zip(&rows[0]) {
        assert_eq!(found, cell, "{kind} {value}");
    }
    check(&database, &[("1 = 1", "1"), ("point(1, 2) IS NULL", "0"), ("'a' 'b'", "'ab'"), ("1 || 0", "1")]).await;
}

#[tokio::test]
async fn every_kind_of_value_of_sqlite_is_a_cell_that_tells_it_whole() {
    let database = TestDatabase::Sqlite(tempfile::tempdir().unwrap());
    database.administer("CREATE TABLE kinds (yes BOOLEAN, no BOOL, when_ DATETIME, amount NUMERIC, any_ INTEGER)");
    database.administer("INSERT INTO kinds VALUES (1, 0, '2026-11-30 18:00:00', 1234.50, 'word'), (NULL, 2, 5, 'x', x'ff')");
    let (_, rows) = table(&*database.source(""), "SELECT * FROM kinds", &[]).await;
    assert_eq!(rows[0], ["'yes'", "'no'", "'2026-11-30 18:00:00'", "1234.5", "'word'"]);
    assert_eq!(rows[1], ["-", "2", "5", "'x'", "'\\xff'"]);
    let expected = [
        ("NULL", "-"),
        ("9007199254740993", "=9007199254740993"),
        ("-1.5", "-1.5"),
        ("'größe'", "'größe'"),
        ("x'00ff'", "'\\x00ff'"),
        ("json('[1, 2]')", "'[1,2]'"),
        ("CAST(x'c3' AS TEXT)", "'\u{fffd}'"),
        ("1 = 1", "1"),
    ];
    check(&database, &expected).await;
}
