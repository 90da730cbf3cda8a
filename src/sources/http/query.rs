/// The parts of a query: a jq filter, and before it, if it begins with `/`, the path that is asked below the source's URL:
/// `/jobs?state={state} | .items[]`. No filter begins so.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HttpQuery<'q> {
    pub(super) path: Option<&'q str>,
    pub(super) filter: &'q str,
}

impl<'q> HttpQuery<'q> {
    /// Takes a query apart. A path alone has the filter `.`.
    pub(super) fn parse(text: &'q str) -> Self {
        if !text.trim_start().starts_with('/') {
            return Self { path: None, filter: text };
        }
        let (path, filter) = text.split_once('|').unwrap_or((text, "."));
        Self { path: Some(path.trim()), filter }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_that_begins_with_a_slash_has_a_path() {
        let parts = |text| {
            let HttpQuery { path, filter } = HttpQuery::parse(text);
            (path, filter)
        };
        assert_eq!(parts(".items[] | .name"), (None, ".items[] | .name"));
        assert_eq!(parts("/jobs?state={state} | .items[] | .name"), (Some("/jobs?state={state}"), " .items[] | .name"));
        assert_eq!(parts(" /jobs\n| ."), (Some("/jobs"), " ."));
        assert_eq!(parts("/jobs"), (Some("/jobs"), "."));
    }
}
