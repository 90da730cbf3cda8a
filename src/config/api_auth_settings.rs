use std::time::Duration;

/// Name and password with every request (Basic, RFC 7617).
#[derive(Clone, Debug)]
pub struct BasicSettings {
    /// Whether it is a way in at all.
    pub enabled: bool,
    /// How long a name and password that were right are not asked about again; zero for never.
    pub remember: Duration,
}

/// Personal API tokens.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// How long a token lasts when nobody says otherwise.
    pub lifetime: Duration,
    /// How long a token may last.
    pub longest: Duration,
    /// Where nobody can be asked about its person, as there is no service account: how long after their last sign-in it
    /// is good.
    pub unrefreshed: Duration,
}

/// Short-lived signed tokens (JWT, RFC 7519).
#[derive(Clone, Debug)]
pub struct JwtSettings {
    /// How long one lasts.
    pub lifetime: Duration,
    /// How long one key signs.
    pub rotate: Duration,
}
