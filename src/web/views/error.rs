use serde::Serialize;

/// The view of an error page: what went wrong, and what to do.
#[derive(Debug, Serialize)]
pub(in crate::web) struct ErrorView {
    pub(in crate::web) title: String,
    pub(in crate::web) message: String,
    /// The reference under which the log has the cause.
    pub(in crate::web) reference: Option<String>,
    /// The page's owner, whom to ask.
    pub(in crate::web) owner: Option<String>,
    pub(in crate::web) next_step: String,
}
