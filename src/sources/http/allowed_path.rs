use std::str::FromStr;

/// A path below a source's URL that queries may ask for; one that ends with `/`, with all below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AllowedPath(String);

/// The error of a text that is no such path. No full stop.
#[derive(Debug, thiserror::Error)]
#[error("a path begins with `/`, and has neither a query string nor `..`: `/jobs`, or `/jobs/` with all below it")]
pub(super) struct InvalidPath;

impl AllowedPath {
    /// Whether a query's path is this one, or below it.
    pub(super) fn includes(&self, path: &str) -> bool {
        let path = path.split('?').next().unwrap_or_default();
        path == self.0 || (self.0.ends_with('/') && path.starts_with(&self.0))
    }
}

impl FromStr for AllowedPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let is_path = text.starts_with('/') && !text.contains(['?', '#']) && !text.split('/').any(|segment| segment == "..");
        is_path.then(|| Self(text.to_owned())).ok_or(InvalidPath)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_path_includes_itself_and_with_a_slash_what_is_below() {
        let includes = |allowed: &str, path: &str| allowed.parse::<AllowedPath>().unwrap().includes(path);
        assert!(includes("/jobs", "/jobs?state={state}") && !includes("/jobs", "/jobs/1") && !includes("/jobs", "/jobs2"));
        assert!(includes("/jobs/", "/jobs/{id}/log") && !includes("/jobs/", "/jobs") && !includes("/jobs/", "/{x}/jobs/"));
        assert!(includes("/", "/") && includes("/", "/{x}"));
        for invalid in ["", "jobs", "/jobs?a=b", "/a/../b", "https://ci.corp/"] {
            assert!(invalid.parse::<AllowedPath>().is_err(), "{invalid}");
        }
    }
}
