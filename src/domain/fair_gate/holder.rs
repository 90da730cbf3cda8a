use crate::domain::Network;

/// The one whom a place of a gate is counted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GateHolder<K> {
    /// Somebody who is known, by a key: who has proved who they are, or comes from a browser that is familiar as theirs.
    Known(K),
    /// Anybody else, by the narrowest network.
    Stranger(Network),
}

impl<K: Clone> GateHolder<K> {
    /// The holder in whose turn it is: strangers of one widest network have one together.
    pub(super) fn widened(&self) -> Self {
        match self {
            Self::Known(key) => Self::Known(key.clone()),
            Self::Stranger(network) => Self::Stranger(network.widest()),
        }
    }

    pub(super) fn is_stranger(&self) -> bool {
        matches!(self, Self::Stranger(_))
    }
}
