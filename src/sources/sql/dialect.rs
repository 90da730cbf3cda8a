use super::super::text::did_you_mean;

/// A language of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SqlDialect {
    Postgres,
    /// MySQL's, and MariaDB's.
    MySql,
    Sqlite,
}

/// The schemes of URLs, and the dialect of each.
const SCHEMES: [(&str, SqlDialect); 6] = [
    ("postgres", SqlDialect::Postgres),
    ("postgresql", SqlDialect::Postgres),
    ("mysql", SqlDialect::MySql),
    ("mariadb", SqlDialect::MySql),
    ("sqlite", SqlDialect::Sqlite),
    ("sqlite3", SqlDialect::Sqlite),
];

impl SqlDialect {
    /// The dialect of the URLs of a scheme.
    ///
    /// # Errors
    /// A suggestion, which may be empty.
    pub(super) fn of_scheme(scheme: &str) -> Result<Self, String> {
        let found = SCHEMES.iter().find(|(known, _)| *known == scheme);
        found.map(|(_, dialect)| *dialect).ok_or_else(|| did_you_mean(scheme, SCHEMES.map(|(known, _)| known)))
    }
}
