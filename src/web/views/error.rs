use serde::Serialize;

/// Why there is nothing to see, and what to do.
#[derive(Debug, Serialize)]
pub(in crate::web) struct ErrorView {
    pub(in crate::web) title: String,
    pub(in crate::web) message: String,
    /// Under which the log has the cause.
    pub(in crate::web) reference: Option<String>,
    /// Whom to ask.
    pub(in crate::web) owner: Option<String>,
    pub(in crate::web) next_step: String,
}
