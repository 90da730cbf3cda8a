/// The engine that a store is moved to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MoveTarget {
    /// The PostgreSQL database of the settings.
    Postgres,
    /// The files in the state folder.
    Embedded,
}

impl MoveTarget {
    /// Its word on the command line.
    pub(in crate::server) fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Embedded => "embedded",
        }
    }
}
