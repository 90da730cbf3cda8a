#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use tempfile::TempDir;

use crate::store::PostgresDatabase;

/// Where a test's stores are: any number of servers may open them.
pub(crate) enum TestEngine {
    /// In SQLite files in this folder.
    Embedded(TempDir),
    /// In this PostgreSQL database.
    Postgres(PostgresDatabase),
}

impl TestEngine {
    pub(crate) fn embedded() -> Self {
        Self::Embedded(tempfile::tempdir().unwrap())
    }

    /// A new database. `None`, said loudly, where there is no server.
    pub(crate) fn postgres() -> Option<Self> {
        PostgresDatabase::of_test().map(Self::Postgres)
    }

    /// The SQLite file of this name. A database has none.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        match self {
            Self::Embedded(folder) => folder.path().join(name),
            Self::Postgres(_) => panic!("a database is in no file"),
        }
    }
}

/// Makes a test of each of these functions for either engine. They take what the function `$open` makes of a [`TestEngine`].
macro_rules! on_both_engines {
    ($open:path: $($test:ident)*) => {
        mod embedded {
            $(#[tokio::test]
            async fn $test() {
                super::$test($open($crate::store::tests::TestEngine::embedded()).await).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            async fn $test() {
                if let Some(engine) = $crate::store::tests::TestEngine::postgres() {
                    super::$test($open(engine).await).await;
                }
            })*
        }
    };
}
pub(crate) use on_both_engines;
