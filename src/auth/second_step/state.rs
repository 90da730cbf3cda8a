use std::time::Duration;

use super::pending::{MemoryPendingSignIns, PendingSignInStore};
use crate::auth::short_lived::ShortLivedStore;
use crate::factors::Factors;

/// The state of the second step: the factors and the pending sign-ins.
pub struct SecondStep {
    pub(super) factors: Factors,
    pub(super) pending: Box<dyn PendingSignInStore>,
    pub(super) factor_lifetime: Duration,
}

impl SecondStep {
    /// Creates it over these factors; a shown factor counts for `factor_lifetime`.
    pub fn new(factors: Factors, factor_lifetime: Duration) -> Self {
        Self { factors, pending: Box::new(MemoryPendingSignIns::default()), factor_lifetime }
    }

    /// Keeps pending sign-ins where all nodes find them.
    #[must_use]
    pub fn with_short_lived(self, store: &ShortLivedStore) -> Self {
        Self { pending: Box::new(store.clone()), ..self }
    }
}
