use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

/// The most servers with a label of their own. Each is a time series of its own in every metric. Settings name a
/// handful, and SRV records of even a large domain some dozens; a name server that keeps inventing more must not fill
/// the memory, nor the monitoring behind it.
const MAX_SERVERS: usize = 64;

/// The label of all further servers.
const OTHER: &str = "other";

/// The servers that have a label of their own.
#[derive(Clone, Debug, Default)]
pub(super) struct ServerNames(Arc<RwLock<HashSet<Arc<str>>>>);

impl ServerNames {
    /// The label for `server`: its own, or [`OTHER`] when there are too many.
    pub(super) fn label(&self, server: &str) -> Arc<str> {
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(server) {
            return Arc::clone(known);
        }
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= MAX_SERVERS && !names.contains(server) {
            return OTHER.into();
        }
        let name: Arc<str> = server.into();
        names.insert(Arc::clone(&name));
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_servers_keep_their_names_and_the_rest_share_one() {
        let names = ServerNames::default();
        for n in 0..1_000 {
            let server = format!("ldaps://dc{n}:636");
            let expected = if n < MAX_SERVERS { server.as_str() } else { OTHER };
            assert_eq!(&*names.label(&server), expected);
        }
        assert_eq!(&*names.label("ldaps://dc3:636"), "ldaps://dc3:636");
        assert_eq!(names.0.read().map(|names| names.len()).ok(), Some(MAX_SERVERS));
    }
}
