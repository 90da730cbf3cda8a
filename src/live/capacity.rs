use std::time::Duration;

/// The limit on channels or live connections that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CapacityExceeded {
    /// The number of channels. One that nobody watches any more makes room after the grace time.
    #[error("this server runs as many boards as it can")]
    Channels,
    /// `live.most` connections, or the share of them that anonymous visitors may have.
    #[error("as many watch as `live.most` allows")]
    Total,
    /// `live.per_address` anonymous connections from one address.
    #[error("as many watch from this address as `live.per_address` allows")]
    PerAddress,
    /// `live.per_session` connections with one session or token.
    #[error("as many watch with this session as `live.per_session` allows")]
    PerSession,
    /// Four times `live.per_session` connections of one person.
    #[error("as many watch as this person as four sessions may, each as `live.per_session` allows")]
    PerPerson,
}

impl CapacityExceeded {
    /// When it makes sense to try again: there may be room by then.
    pub fn retry_after(self) -> Duration {
        match self {
            Self::Channels | Self::Total => Duration::from_mins(1),
            Self::PerAddress | Self::PerSession | Self::PerPerson => Duration::from_secs(20),
        }
    }
}
